package mm

import "vitrine/kernel/kview"

func init() {
	kview.Register(kview.View{
		Name: "vmas", Doc: "areas of every address space", Root: "Tasks.first", Next: "next", Each: "Leader.mm.vmas",
		Columns: kview.Cols("PID ^ID", "START Start hex", "END End hex", "PROT Prot ---,r--,-w-,rw-,--x,r-x,-wx,rwx", "FLAGS Flags hex",
			"OFFSET Offset hex", "NAME Name", "FILE File.Path.Dentry.name"),
	})
	kview.Register(kview.View{
		Name: "pagetable", Doc: "runs of translations of every page table; a is anonymous memory, s shared, h held but not present",
		Root: "Tasks.first", Next: "next", Each: "Leader.mm.pt", Table: kview.PageTable{Root: "root", RAM: "mem.ram", Soft: "ash"},
		Columns: kview.Cols("PID ^ID", "START Start hex", "PAGES Pages", "FRAME Frame hex", "FLAGS Flags"),
	})
	kview.Register(kview.View{
		Name: "spaces", Doc: "address spaces and their page counts", Root: "Memory.spaces",
		Columns: kview.Cols("USERS refs", "AREAS vmas", "TOTAL total", "STACK stack", "LOCKED locked", "TABLES pt.tables", "BRK brk hex"),
	})
	kview.Register(kview.View{
		Name: "frames", Doc: "free blocks of frames, by order", Root: "Memory.lists",
		Columns: kview.Cols("ORDER #", "FIRST ."),
	})
}
