package amd64

// CallerPC returns the address to which the function that calls CallerPC will
// return: the site of a lock, for a fraction of what runtime.Callers costs. The calling
// function must not be inlined and must have a frame.
func CallerPC() uintptr
