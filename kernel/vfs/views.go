package vfs

import "vitrine/kernel/kview"

func init() {
	kview.Register(kview.View{
		Name: "mounts", Doc: "the mount tree", Root: "VFS.allMounts",
		Columns: kview.Cols("ID ID", "PARENT parent.ID", "POINT point.name", "TYPE SB.Type", "SOURCE Source", "FLAGS flags hex", "REFS refs",
			"WRITERS writers"),
	})
	kview.Register(kview.View{
		Name: "superblocks", Doc: "the filesystem behind each mount", Root: "VFS.allMounts",
		Columns: kview.Cols("DEV SB.Dev hex", "TYPE SB.Type", "SOURCE SB.Source", "MAGIC SB.Magic hex", "FLAGS SB.flags hex", "MOUNTS SB.mounts", "MOUNT ID"),
	})
	kview.Register(kview.View{
		Name: "dentries", Doc: "cached names, newest first", Root: "VFS.lru.head", Next: "lruNext",
		Columns: kview.Cols("NAME name", "IN parent.name", "REFS refs", "FS SB.Type", "MOUNTS mounted"),
	})
	kview.Register(kview.View{
		Name: "pagecache", Doc: "files with pages in memory", Root: "VFS.caches", Next: "next",
		Columns: kview.Cols("FS inode.SB.Type", "INO inode.Ino", "SIZE inode.size", "PAGES npages", "CHUNKS chunks", "MAPS maps"),
	})
	kview.Register(kview.View{
		Name: "chardevs", Doc: "character devices that drivers have registered", Root: "VFS.chars",
		Columns: kview.Cols("MAJOR CharDev.Major", "MINOR CharDev.Minor", "NAME CharDev.Name"),
	})
}
