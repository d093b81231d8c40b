package task

import "vitrine/kernel/kview"

func init() {
	kview.Register(kview.View{
		Name: "ps", Doc: "every task, one line", Root: "Tasks.first", Next: "next", Each: "first", EachNext: "next",
		Columns: kview.Cols("PID ^ID", "TID Thread.ID", "PPID ^parent.ID", "PGID ^pgrp.ID", "SID ^pgrp.Session.ID", "UID user.UID",
			"S Thread.State R,R,S,D,T,Z", "CPU Thread.LastCPU.ID", "NI Thread.NiceVal", "NR Last.Nr", "WCHAN Thread.WaitName", "COMM comm"),
		Detail: []string{"files", "vmas"},
	})
	kview.Register(kview.View{
		Name: "processes", Doc: "processes, zombies too, with their counts", Root: "Tasks.first", Next: "next",
		Columns: kview.Cols("PID ID", "PPID parent.ID", "THREADS live", "ZOMBIE zombie", "STATUS status hex", "STARTED startTime", "COMM Leader.comm"),
	})
	kview.Register(kview.View{
		Name: "files", Doc: "descriptors of every process", Root: "Tasks.first", Next: "next", Each: "Leader.FDs.files", Skip: "File",
		Columns: kview.Cols("PID ^ID", "FD #", "REFS File.refs", "FLAGS File.flags hex", "POS File.pos", "FS File.Inode.SB.Type",
			"INO File.Inode.Ino", "NAME File.Path.Dentry.name"),
	})
	kview.Register(kview.View{
		Name: "users", Doc: "users and how many tasks they have", Root: "Tasks.users",
		Columns: kview.Cols("UID UID", "TASKS Processes", "SIGNALS Signals.Int64"),
	})
}
