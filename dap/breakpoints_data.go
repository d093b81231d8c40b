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
		ref, space := cutSpace(a.Name)
		addr, err := address(ref, 0)
		if err != nil {
			return nil, err
		}
		v.addr, v.size, v.space = addr, int64(a.Bytes), space
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
		v = child{addr: r.Addr, size: r.Size, space: r.Space}
	}
	if a.Bytes > 0 {
		v.size = int64(a.Bytes)
	}
	if v.addr == 0 || v.size == 0 {
		return dataInfo{Description: a.Name + " is not in memory"}, nil
	}
	name := a.Name
	if v.expr != "" {
		name = v.expr
	}
	id := dataID(v.space, v.addr, v.size, name)
	return dataInfo{
		DataID: &id, Description: fmt.Sprintf("%s (%d bytes at %s)", a.Name, v.size, hex(v.addr)), AccessTypes: []dap.DataBreakpointAccessType{"write", "readWrite"},
	}, nil
}

// dataID is what setDataBreakpoints gets back: "0xc000012340 8 t.state", of a process "0x7ffe0010@7 4 i".
func dataID(space int, addr uint64, size int64, name string) string {
	return fmt.Sprintf("%s %d %s", reference(space, addr), size, name)
}

func parseDataID(id string) (spec session.Spec, err error) {
	addr, rest, _ := strings.Cut(id, " ")
	size, name, _ := strings.Cut(rest, " ")
	ref, space := cutSpace(addr)
	spec = session.Spec{Kind: session.Data, Space: space}
	if spec.Addr, err = address(ref, 0); err != nil {
		return spec, err
	}
	if spec.Size, err = strconv.Atoi(size); err != nil || spec.Size <= 0 {
		return spec, fmt.Errorf("%q is no data ID of this server", id)
	}
	if space != 0 { // of the kernel's data it would be evaluated
		spec.Expr = name
	}
	return spec, nil
}

func (c *conn) setDataBreakpoints(_ *request, a *dap.SetDataBreakpointsArguments) (any, error) {
	want := make([]wanted, len(a.Breakpoints))
	for i, b := range a.Breakpoints {
		spec, err := parseDataID(b.DataId)
		spec.Cond, spec.Hits = b.Condition, b.HitCondition
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
