package dap

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/google/go-dap"

	"vitrine/debugserver/session"
)

// dataInfoArguments are those of dataBreakpointInfo, with what newer clients send.
type dataInfoArguments struct {
	dap.DataBreakpointInfoArguments
	Bytes     int  `json:"bytes,omitempty"`
	AsAddress bool `json:"asAddress,omitempty"`
}

// dataInfo is the answer; its dataId is nil if there can be none.
type dataInfo struct {
	DataID      *string                        `json:"dataId"`
	Description string                         `json:"description"`
	AccessTypes []dap.DataBreakpointAccessType `json:"accessTypes,omitempty"`
	CanPersist  bool                           `json:"canPersist,omitempty"`
}

// dataBreakpointInfo finds out where a variable is.
func (c *conn) dataBreakpointInfo(_ *request, a *dataInfoArguments) (any, error) {
	var v child
	switch {
	case a.AsAddress:
		addr, err := address(a.Name, 0)
		if err != nil {
			return nil, err
		}
		v.addr, v.size = addr, int64(a.Bytes)
	case a.VariablesReference != 0:
		k, err := c.h.value(a.VariablesReference)
		if err != nil {
			return nil, err
		}
		if v, err = k.find(a.Name); err != nil {
			return nil, err
		}
	default:
		p, err := c.h.place(a.FrameId)
		if err != nil {
			return nil, err
		}
		r, err := c.debugger().Eval(p.thread, p.frame, a.Name)
		if err != nil {
			return dataInfo{Description: err.Error()}, nil
		}
		if r.Space != 0 {
			return dataInfo{Description: a.Name + " is a program's: only the kernel's data can be watched"}, nil
		}
		v = child{addr: r.Addr, size: r.Size}
	}
	if a.Bytes > 0 {
		v.size = int64(a.Bytes)
	}
	if v.addr == 0 || v.size == 0 {
		return dataInfo{Description: a.Name + " is not in memory"}, nil
	}
	id := dataID(v.addr, v.size, a.Name)
	return dataInfo{
		DataID: &id, Description: fmt.Sprintf("%s (%d bytes at %s)", a.Name, v.size, hex(v.addr)), AccessTypes: []dap.DataBreakpointAccessType{"write", "readWrite"},
	}, nil
}

// dataID is what setDataBreakpoints gets back: "0xc000012340 8 t.state".
func dataID(addr uint64, size int64, name string) string {
	return fmt.Sprintf("%s %d %s", hex(addr), size, name)
}

func parseDataID(id string) (addr uint64, size int, err error) {
	f := strings.SplitN(id, " ", 3)
	if len(f) < 2 {
		return 0, 0, fmt.Errorf("%q is no data ID of this server", id)
	}
	if addr, err = address(f[0], 0); err != nil {
		return 0, 0, err
	}
	if size, err = strconv.Atoi(f[1]); err != nil || size <= 0 {
		return 0, 0, fmt.Errorf("%q is no data ID of this server", id)
	}
	return addr, size, nil
}

func (c *conn) setDataBreakpoints(_ *request, a *dap.SetDataBreakpointsArguments) (any, error) {
	want := make([]wanted, len(a.Breakpoints))
	for i, b := range a.Breakpoints {
		addr, size, err := parseDataID(b.DataId)
		spec := session.Spec{Kind: session.Data, Addr: addr, Size: size, Cond: b.Condition, Hits: b.HitCondition}
		switch b.AccessType {
		case "", "write":
		case "read", "readWrite": // the processor knows no reads alone
			spec.Access = session.ReadWrite
		default:
			err = errors.Join(err, fmt.Errorf("access type %q", b.AccessType))
		}
		want[i] = wanted{spec, err}
	}
	return dap.SetDataBreakpointsResponseBody{Breakpoints: c.bps.replace(c, "data", want)}, nil
}
