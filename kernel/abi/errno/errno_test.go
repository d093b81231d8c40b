package errno

import (
	"errors"
	"fmt"
	"io"
	"testing"
)

func TestOf(t *testing.T) {
	tests := []struct {
		err    error
		want   Errno
		reason string
	}{
		{nil, 0, ""},
		{EINVAL, EINVAL, ""},
		{ENOENT.Because("no such device"), ENOENT, "no such device"},
		{fmt.Errorf("mount: %w", EBUSY.Because("in use")), EBUSY, "in use"},
		{fmt.Errorf("open: %w", EACCES), EACCES, ""},
		{io.EOF, EIO, ""},
	}
	for _, tt := range tests {
		if got := Of(tt.err); got != tt.want {
			t.Errorf("Of(%v) = %v, want %v", tt.err, got, tt.want)
		}
		if got := Reason(tt.err); got != tt.reason {
			t.Errorf("Reason(%v) = %q, want %q", tt.err, got, tt.reason)
		}
	}
	if !errors.Is(EPERM.Because("x"), EPERM) {
		t.Error("an error with a reason is not the errno")
	}
}

func TestNames(t *testing.T) {
	for e, want := range map[Errno]string{EPERM: "EPERM", EAGAIN: "EAGAIN", ENOTSUP: "EOPNOTSUPP", EHWPOISON: "EHWPOISON", RestartSys: "ERESTARTSYS", 999: "999"} {
		if got := e.Name(); got != want {
			t.Errorf("%d: %s, want %s", e, got, want)
		}
	}
	if EINVAL.Internal() || !RestartBlock.Internal() {
		t.Error("Internal mixes up what programs see")
	}
}
