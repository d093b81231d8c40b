package vfs

import "vitrine/kernel/abi/errno"

// conflict returns the first lock that keeps req from being set, or nil.
func (l *fileLocks) conflict(req record) *record {
	if l == nil {
		return nil
	}
	for k := range l.records {
		if l.records[k].against(req) {
			return &l.records[k]
		}
	}
	return nil
}

func (l *fileLocks) conflicts(req record) (out []record) {
	if l == nil {
		return nil
	}
	for _, r := range l.records {
		if r.against(req) {
			out = append(out, r)
		}
	}
	return out
}

func (r *record) against(req record) bool {
	return r.owner != req.owner && (r.write || req.write) && r.start < req.end && req.start < r.end
}

// set puts a lock in place of whatever its owner had there, and joins it with its neighbours of the same kind.
func (l *fileLocks) set(req record) error {
	if len(l.records) >= maxFileLocks {
		return errno.ENOLCK.Because("too many locks on the file")
	}
	if err := l.cut(req.owner, req.start, req.end); err != nil {
		return err
	}
	keep := l.records[:0]
	for _, r := range l.records {
		if r.owner == req.owner && r.write == req.write && (r.end == req.start || req.end == r.start) {
			req.start, req.end = min(r.start, req.start), max(r.end, req.end)
			continue
		}
		keep = append(keep, r)
	}
	clear(l.records[len(keep):])
	at := len(keep)
	for k, r := range keep {
		if r.start > req.start {
			at = k
			break
		}
	}
	l.records = append(keep, record{})
	copy(l.records[at+1:], l.records[at:])
	l.records[at] = req
	return nil
}

// cut removes [start, end) from owner's locks.
func (l *fileLocks) cut(owner any, start, end int64) error {
	var out []record
	for _, r := range l.records {
		if r.owner != owner || r.end <= start || end <= r.start {
			out = append(out, r)
			continue
		}
		if r.start < start {
			left := r
			left.end = start
			out = append(out, left)
		}
		if end < r.end {
			right := r
			right.start = end
			out = append(out, right)
		}
	}
	if len(out) > maxFileLocks {
		return errno.ENOLCK.Because("too many locks on the file")
	}
	// A piece on the right may belong after another's.
	for k := 1; k < len(out); k++ {
		for m := k; m > 0 && out[m].start < out[m-1].start; m-- {
			out[m], out[m-1] = out[m-1], out[m]
		}
	}
	l.records = out
	return nil
}

func (l *fileLocks) dropOwner(owner any) (had bool) {
	keep := l.records[:0]
	for _, r := range l.records {
		if r.owner == owner {
			had = true
			continue
		}
		keep = append(keep, r)
	}
	clear(l.records[len(keep):])
	l.records = keep
	return had
}
