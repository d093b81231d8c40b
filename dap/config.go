package dap

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
)

// LaunchConfig is what `launch` takes: a launch.json configuration.
type LaunchConfig struct {
	Program     string            `json:"program"`     // source tree of a kernel, or one that is built; "": this vitrine's
	Args        []string          `json:"args"`        // the guest command; none: a shell
	Root        string            `json:"root"`        // directory of the host to be the root
	Memory      Size              `json:"memory"`      // RAM: "512M"; a number is MiB
	SMP         int               `json:"smp"`         // processors; 1 unless told otherwise
	Audio       string            `json:"audio"`       // sound device, as vitrine run -audio; "": none
	Append      string            `json:"append"`      // words for the kernel command line
	Initrd      string            `json:"initrd"`      // initial archive
	Name        string            `json:"name"`        // of the configuration: shown only
	Machine     string            `json:"machine"`     // name of the machine
	StopOnEntry bool              `json:"stopOnEntry"` // as stopAt boot
	StopAt      string            `json:"stopAt"`      // boot, init, syscall:NAME, oops, a function, FILE:LINE
	Env         map[string]string `json:"env"`         // of the guest command
	Cwd         string            `json:"cwd"`         // where program, root, initrd and trace are looked up
	Console     string            `json:"console"`     // internalConsole, integratedTerminal, externalTerminal
	SourceMap   SourceMap         `json:"sourceMap"`
	Trace       string            `json:"trace"` // file for a log of the messages
	NoDebug     bool              `json:"noDebug"`
}

// AttachConfig is what `attach` takes.
type AttachConfig struct {
	Machine   string    `json:"machine"` // name of the machine; "": the only one
	Name      string    `json:"name"`    // the same; in VS Code it is the configuration's
	SourceMap SourceMap `json:"sourceMap"`
	Trace     string    `json:"trace"`
	Cwd       string    `json:"cwd"`
}

// Size is a number of MiB or a text like 512M.
type Size string

// UnmarshalJSON implements json.Unmarshaler.
func (s *Size) UnmarshalJSON(b []byte) error {
	var n int64
	if json.Unmarshal(b, &n) == nil {
		*s = Size(strconv.FormatInt(n, 10))
		return nil
	}
	return json.Unmarshal(b, (*string)(s))
}

// SourceMap tells where the client has the sources: pairs of prefixes.
type SourceMap []SourcePair

// SourcePair is one pair, in the words of several debuggers.
type SourcePair struct {
	From string `json:"from"` // as the client names it
	To   string `json:"to"`   // as the kernel was compiled
}

// UnmarshalJSON implements json.Unmarshaler: a list of {from, to}, or an object of compiled → client's as cppdbg has it.
func (m *SourceMap) UnmarshalJSON(b []byte) error {
	var pairs []SourcePair
	if err := json.Unmarshal(b, &pairs); err == nil {
		*m = pairs
		return nil
	}
	var object map[string]string
	if err := json.Unmarshal(b, &object); err != nil {
		return fmt.Errorf("sourceMap: a list of {from, to} please: %w", err)
	}
	*m = nil
	for to, from := range object {
		*m = append(*m, SourcePair{From: from, To: to})
	}
	return nil
}

// toKernel turns a client's path into the kernel's, toClient the other way round.
func (m SourceMap) toKernel(path string) string {
	for _, p := range m {
		if q, ok := swapPrefix(path, p.From, p.To); ok {
			return q
		}
	}
	return path
}

func (m SourceMap) toClient(path string) string {
	for _, p := range m {
		if q, ok := swapPrefix(path, p.To, p.From); ok {
			return q
		}
	}
	return path
}

// swapPrefix replaces whole components at a path's beginning.
func swapPrefix(path, from, to string) (string, bool) {
	from = strings.TrimRight(from, "/")
	rest, ok := strings.CutPrefix(path, from)
	if !ok || rest != "" && rest[0] != '/' {
		return "", false
	}
	return strings.TrimRight(to, "/") + rest, true
}

// absolute makes a path of the configuration absolute.
func absolute(cwd, path string) string {
	if path == "" || filepath.IsAbs(path) || cwd == "" {
		return path
	}
	return filepath.Join(cwd, path)
}

func (cfg *LaunchConfig) check() error {
	switch cfg.Console {
	case "", "internalConsole", "integratedTerminal", "externalTerminal":
	default:
		return fmt.Errorf("console: %q is none of internalConsole, integratedTerminal, externalTerminal", cfg.Console)
	}
	if cfg.SMP < 0 {
		return fmt.Errorf("smp: %d processors", cfg.SMP)
	}
	if cfg.SMP == 0 {
		cfg.SMP = 1
	}
	if cfg.Console == "" {
		cfg.Console = "internalConsole"
	}
	if cfg.StopOnEntry && cfg.StopAt == "" {
		cfg.StopAt = "boot"
	}
	for _, p := range []*string{&cfg.Program, &cfg.Root, &cfg.Initrd} {
		*p = absolute(cfg.Cwd, *p)
	}
	cfg.Audio = absoluteAudio(cfg.Cwd, cfg.Audio)
	return nil
}

// absoluteAudio makes the files in wav:out=FILE,in=FILE absolute.
func absoluteAudio(cwd, audio string) string {
	list, ok := strings.CutPrefix(audio, "wav:")
	if !ok {
		return audio
	}
	files := strings.Split(list, ",")
	for i, f := range files {
		if k, path, ok := strings.Cut(f, "="); ok {
			files[i] = k + "=" + absolute(cwd, path)
		}
	}
	return "wav:" + strings.Join(files, ",")
}
