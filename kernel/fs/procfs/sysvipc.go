package procfs

import (
	"fmt"
	"strings"

	"vitrine/kernel/abi"
	"vitrine/kernel/ipc"
	"vitrine/kernel/sched"
	"vitrine/kernel/vfs/pseudo"
)

// sysvipcDir is /proc/sysvipc, which ipcs(1) reads.
func (k *Kernel) sysvipcDir() *pseudo.Node {
	return pseudo.Dir(
		child("msg", pseudo.Text(k.procMsg)),
		child("sem", pseudo.Text(k.procSem)),
		child("shm", pseudo.Text(k.procShm)),
	)
}

// owners are the four columns of an object's user and group, and its creator's.
func owners(p *abi.IPCPerm) string {
	return fmt.Sprintf("%5d %5d %5d %5d", p.UID, p.GID, p.CUID, p.CGID)
}

// procShm is /proc/sysvipc/shm.
func (k *Kernel) procShm(t *sched.Thread) string {
	var b strings.Builder
	b.WriteString("       key      shmid perms                  size  cpid  lpid nattch   uid   gid  cuid  cgid      atime      dtime      ctime" +
		"                   rss                  swap\n")
	for _, s := range k.Tasks.SysV.Shm.List(t) {
		fmt.Fprintf(&b, "%10d %10d  %4o %21d %5d %5d  %5d %s %10d %10d %10d %21d %21d\n", s.Perm.Key, s.ID, s.Perm.Mode, s.Segsz, s.CPID, s.LPID,
			s.Nattch, owners(&s.Perm), s.Atime, s.Dtime, s.Ctime, s.RSS, 0)
	}
	return b.String()
}

// procSem is /proc/sysvipc/sem.
func (k *Kernel) procSem(t *sched.Thread) string {
	var b strings.Builder
	b.WriteString("       key      semid perms      nsems   uid   gid  cuid  cgid      otime      ctime\n")
	for _, s := range k.Tasks.SysV.Sem.List(t) {
		fmt.Fprintf(&b, "%10d %10d  %4o %10d %s %10d %10d\n", s.Perm.Key, s.ID, s.Perm.Mode, s.Nsems, owners(&s.Perm), s.Otime, s.Ctime)
	}
	return b.String()
}

// procMsg is /proc/sysvipc/msg.
func (k *Kernel) procMsg(t *sched.Thread) string {
	var b strings.Builder
	b.WriteString("       key      msqid perms      cbytes       qnum lspid lrpid   uid   gid  cuid  cgid      stime      rtime      ctime\n")
	for _, q := range k.Tasks.SysV.Msg.List(t) {
		fmt.Fprintf(&b, "%10d %10d  %4o  %10d %10d %5d %5d %s %10d %10d %10d\n", q.Perm.Key, q.ID, q.Perm.Mode, q.Cbytes, q.Qnum, q.LSPID, q.LRPID,
			owners(&q.Perm), q.Stime, q.Rtime, q.Ctime)
	}
	return b.String()
}

// sysvLimits are the files of /proc/sys/kernel about System V's IPC.
func (k *Kernel) sysvLimits() []pseudo.Child {
	shm := func(pick func(abi.ShmInfo64) uint64) *pseudo.Node {
		return pseudo.Text(func(t *sched.Thread) string {
			i, _ := k.Tasks.SysV.Shm.Limits(t)
			return fmt.Sprintln(pick(i))
		})
	}
	return []pseudo.Child{
		child("msgmax", pseudo.Const(fmt.Sprintln(ipc.MaxMessage))),
		child("msgmnb", pseudo.Const(fmt.Sprintln(ipc.QueueRoom))),
		child("msgmni", pseudo.Const(fmt.Sprintln(ipc.MaxQueues))),
		child("sem", pseudo.Text(func(t *sched.Thread) string {
			i, _ := k.Tasks.SysV.Sem.Limits(t, false)
			return fmt.Sprintf("%d\t%d\t%d\t%d\n", i.MSL, i.MNS, i.OPM, i.MNI)
		})),
		child("shmall", shm(func(i abi.ShmInfo64) uint64 { return i.All })),
		child("shmmax", shm(func(i abi.ShmInfo64) uint64 { return i.Max })),
		child("shmmni", shm(func(i abi.ShmInfo64) uint64 { return i.MNI })),
	}
}
