package dap

import (
	"encoding/base64"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/google/go-dap"
)

// Bounds of what one request may want.
const (
	maxRead        = 1 << 20
	maxInstruction = 5000
)

func hex(n uint64) string { return "0x" + strconv.FormatUint(n, 16) }

// address reads a memory reference and adds an offset, which may be negative.
func address(ref string, offset int) (uint64, error) {
	n, err := strconv.ParseUint(strings.TrimSpace(ref), 0, 64)
	if err != nil {
		return 0, fmt.Errorf("%q is no address", ref)
	}
	sum := n + uint64(offset)
	if offset < 0 && sum > n || offset > 0 && sum < n {
		return 0, fmt.Errorf("%s%+d is no address", ref, offset)
	}
	return sum, nil
}

func (c *conn) readMemory(_ *request, a *dap.ReadMemoryArguments) (any, error) {
	ref, space := cutSpace(a.MemoryReference)
	addr, err := address(ref, a.Offset)
	if err != nil {
		return nil, err
	}
	if a.Count < 0 {
		return nil, fmt.Errorf("%d bytes?", a.Count)
	}
	n := min(a.Count, maxRead)
	b, err := c.readBytes(space, addr, n)
	if err != nil && len(b) == 0 {
		return dap.ReadMemoryResponseBody{Address: hex(addr), UnreadableBytes: n}, nil
	}
	return dap.ReadMemoryResponseBody{Address: hex(addr), Data: base64.StdEncoding.EncodeToString(b), UnreadableBytes: n - len(b)}, nil
}

func (c *conn) writeMemory(_ *request, a *dap.WriteMemoryArguments) (any, error) {
	ref, space := cutSpace(a.MemoryReference)
	addr, err := address(ref, a.Offset)
	if err != nil {
		return nil, err
	}
	b, err := base64.StdEncoding.DecodeString(a.Data)
	if err != nil {
		return nil, fmt.Errorf("data: %w", err)
	}
	if err := c.writeBytes(space, addr, b); err != nil {
		return nil, err
	}
	c.invalidate(addr, len(b))
	return dap.WriteMemoryResponseBody{BytesWritten: len(b)}, nil
}

// disassemble returns exactly as many instructions as were wanted: clients count on it.
func (c *conn) disassemble(_ *request, a *dap.DisassembleArguments) (any, error) {
	ref, space := cutSpace(a.MemoryReference)
	addr, err := address(ref, a.Offset)
	if err != nil {
		return nil, err
	}
	if a.InstructionCount < 0 || a.InstructionCount > maxInstruction || a.InstructionOffset > maxInstruction || a.InstructionOffset < -maxInstruction {
		return nil, fmt.Errorf("%d instructions from %d on are too many", a.InstructionCount, a.InstructionOffset)
	}
	ins, err := c.codeOf(space, addr, a.InstructionOffset, a.InstructionCount)
	if err != nil && len(ins) == 0 {
		ins = nil
	}
	body := dap.DisassembleResponseBody{Instructions: make([]dap.DisassembledInstruction, 0, a.InstructionCount)}
	file, line := "", 0
	next := addr
	for _, i := range cut(ins, 0, a.InstructionCount) {
		d := dap.DisassembledInstruction{Address: hex(i.Addr), Instruction: i.Text, InstructionBytes: fmt.Sprintf("% x", i.Bytes)}
		if a.ResolveSymbols {
			d.Symbol = i.Func
		}
		if i.File != "" && (i.File != file || i.Line != line) {
			d.Location, d.Line = c.sourceOf(i.File), c.lineOut(i.Line)
			file, line = i.File, i.Line
		}
		body.Instructions = append(body.Instructions, d)
		next = i.Addr + uint64(len(i.Bytes))
	}
	for len(body.Instructions) < a.InstructionCount {
		body.Instructions = append(body.Instructions, dap.DisassembledInstruction{Address: hex(next), Instruction: "(no code)"})
		if next < math.MaxUint64 {
			next++
		}
	}
	return body, nil
}

// inHex shows an integer in hexadecimal.
func inHex(value, typ string) string {
	if !strings.Contains(typ, "int") {
		return value
	}
	if n, err := strconv.ParseInt(value, 10, 64); err == nil {
		return fmt.Sprintf("%#x", n)
	}
	if n, err := strconv.ParseUint(value, 10, 64); err == nil {
		return hex(n)
	}
	return value
}
