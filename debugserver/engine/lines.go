package engine

import "slices"

// Lines returns the lines of a source file, in a range, for which there is code: where breakpoints can be.
func (e *Engine) Lines(file string, from, to int) (r []int, err error) {
	defer guard(&err)
	if to < from || to-from > maxFrames {
		to = from + maxFrames
	}
	var wanted []int
	for l := from; l <= to; l++ {
		wanted = append(wanted, l)
	}
	for l, pcs := range e.sym.bi.AllPCsForFileLines(file, wanted) {
		if len(pcs) > 0 {
			r = append(r, l)
		}
	}
	slices.Sort(r)
	return r, nil
}
