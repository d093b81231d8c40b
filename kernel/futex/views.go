package futex

import "vitrine/kernel/kview"

func init() {
	kview.Register(kview.View{
		Name: "futexes", Doc: "threads that wait on futexes", Root: "Tasks.Futexes.buckets", Each: "head", EachNext: "next",
		Columns: kview.Cols("TID Thread.ID", "NAME Thread.Name", "OFFSET Key.Offset hex", "MASK Mask hex", "PI PI"),
	})
}
