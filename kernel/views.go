package kernel

import "vitrine/kernel/kview"

// Views of what belongs to no other package.
func init() {
	kview.Register(kview.View{
		Name: "cpus", Doc: "processors and what runs on them", Root: "Sched.CPUs",
		Columns: kview.Cols("CPU ID", "TID Curr.ID", "CURRENT Curr.Name", "SWITCHES Switches", "IRQS Interrupts"),
	})
	kview.Register(kview.View{
		Name: "irqs", Doc: "interrupt lines", Root: "IRQ.Lines",
		Columns: kview.Cols("LINE Number", "COUNT Count", "NAME Name"),
	})
	kview.Register(kview.View{
		Name: "timers", Doc: "armed timers, earliest first by the heap", Root: "Timers.queue",
		Columns: kview.Cols("DEADLINE deadline", "SEQ seq"),
	})
	kview.Register(kview.View{
		Name: "syscalls", Doc: "system calls that the kernel implements", Root: "Syscalls",
		Columns: kview.Cols("NR Nr", "NAME Name", "ARGS Params", "FILE File"),
	})
	kview.Register(kview.View{
		Name: "bootparams", Doc: "kernel parameters that the command line may give", Root: "BootParams",
		Columns: kview.Cols("NAME Name", "DEFAULT Default", "WHAT Doc"),
	})
	kview.Register(kview.View{
		Name: "threads", Doc: "every kernel stack: tasks and kernel threads", Root: "Sched.head", Next: "next",
		Columns: kview.Cols("TID ID", "S State R,R,S,D,T,Z", "CPU LastCPU.ID", "NI NiceVal", "WCHAN WaitName", "NAME Name"),
	})
	kview.Register(kview.View{
		Name: "waitqueues", Doc: "threads that sleep, with what they wait for and since when", Root: "Sched.head", Next: "next", Skip: "WaitName",
		Columns: kview.Cols("WCHAN WaitName", "TID ID", "S State R,R,S,D,T,Z", "SINCE WaitFrom", "NAME Name"),
	})
	kview.Register(kview.View{
		Name: "runqueue", Doc: "threads that wait for a CPU, next first", Root: "Sched.policy.queue",
		Columns: kview.Cols("TID ID", "VRUNTIME VRuntime", "NI NiceVal", "NAME Name"),
	})
	kview.Register(kview.View{
		Name: "locks", Doc: "locks that threads hold", Root: "Sched.head", Next: "next", Each: "locks",
		Columns: kview.Cols("TID ^ID", "NAME ^Name", "CLASS Class", "RANK Rank", "SITE Site hex"),
	})
}
