package vfs

import "vitrine/kernel/kview"

func init() {
	kview.Register(kview.View{
		Name: "mounts", Doc: "the mount tree, oldest first", Root: "VFS.allMounts",
		Columns: kview.Cols("ID ID", "PARENT parent.ID", "TYPE SB.Type", "SOURCE Source", "FLAGS flags hex", "REFS refs", "ROOT Root.name", "POINT point.name"),
	})
	kview.Register(kview.View{
		Name: "superblocks", Doc: "mounted filesystems", Root: "VFS.allMounts",
		Columns: kview.Cols("TYPE SB.Type", "SOURCE SB.Source", "DEV SB.Dev hex", "MAGIC SB.Magic hex", "FLAGS SB.flags hex", "MOUNTS SB.mounts", "LASTINO SB.lastIno"),
	})
	kview.Register(kview.View{
		Name: "chardevs", Doc: "character devices", Root: "VFS.chars",
		Columns: kview.Cols("MAJOR CharDev.Major", "MINOR CharDev.Minor", "NAME CharDev.Name"),
	})
}
