package debug

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-dap"
	"golang.org/x/sys/unix"

	"vitrine/dap/daptest"
)

// run starts `vitrine run` and returns what it writes to standard output and error.
func run(t *testing.T, args ...string) (cmd *exec.Cmd, out *bufio.Reader, errs *bufio.Reader) {
	t.Helper()
	cmd = exec.Command(vitrine, append([]string{"run"}, args...)...)
	o, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	e, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Signal(unix.SIGTERM)
		cmd.Wait()
	})
	return cmd, bufio.NewReader(o), bufio.NewReader(e)
}

// expectLine reads lines until one contains a text.
func expectLine(t *testing.T, r *bufio.Reader, text string) string {
	t.Helper()
	for {
		l, err := r.ReadString('\n')
		if strings.Contains(l, text) {
			return strings.TrimSuffix(l, "\n")
		}
		if err != nil {
			t.Fatalf("%q does not come: %v", text, err)
		}
	}
}

const ticking = "i=0; while true; do echo tick $i; umask 0$((i % 8)); i=$((i+1)); sleep 0.02; done"

// TestAttach: `vitrine dap` joins a machine that `vitrine run` has started; it runs on when the client leaves.
func TestAttach(t *testing.T) {
	_, out, _ := run(t, "-name", "attach", "--", "sh", "-c", ticking)
	expectLine(t, out, "tick 1")
	for range 2 {
		c, a := stdio(t)
		if why := c.Refused("attach", map[string]any{"machine": "nobody"}); !strings.Contains(why, "attach") {
			t.Errorf("it does not say which machines there are: %s", why)
		}
		c.Attach(map[string]any{"machine": "attach"})
		functions(t, c, "(*FS).SetUmask", "m == 5")
		c.ConfigurationDone()
		st := c.Stopped()
		if v := c.Evaluate(c.Stack(st.ThreadId)[0].Id, "m"); v.Result != "5" {
			t.Errorf("m is %s", v.Result)
		}
		c.Continue()
		c.Stopped()
		c.Do("disconnect", nil, nil) // at a stop
		<-a.done
		if a.err != nil {
			t.Errorf("vitrine dap: %v", a.err)
		}
		for range 5 {
			expectLine(t, out, "tick")
		}
	}
}

// TestTwoClients: a stop by one is seen by the other, breakpoints stay their owner's, one leaving does not resume.
func TestTwoClients(t *testing.T) {
	each(t, func(t *testing.T, smp map[string]any) {
		c1, _ := stdio(t)
		c1.Name = "first"
		launch(t, c1, ticking, map[string]any{"smp": smp["smp"], "machine": "two"})
		c1.ConfigurationDone()
		c1.WaitOutput("stdout", "tick 2")

		c2, a2 := stdio(t)
		c2.Name = "second"
		c2.Attach(map[string]any{"machine": "two"})
		functions(t, c2, "(*FS).SetUmask", "")
		c2.ConfigurationDone()
		st1, st2 := c1.Stopped(), c2.Stopped()
		if st1.ThreadId != st2.ThreadId || len(st1.HitBreakpointIds) != 0 || len(st2.HitBreakpointIds) != 1 {
			t.Errorf("one sees %+v, the other %+v", st1, st2)
		}
		if f := c1.Stack(st1.ThreadId); !strings.HasSuffix(f[0].Name, "SetUmask") {
			t.Errorf("%+v", f)
		}
		// One changes a value, the other sees it.
		c2.Do("setExpression", dap.SetExpressionArguments{Expression: "fs.umask.v", Value: "9"}, nil)
		c1.Event("invalidated")
		if v := c1.Evaluate(0, "fs.umask.v"); v.Result != "9" {
			t.Errorf("%+v", v)
		}
		c1.Continue()
		c2.Event("continued")
		c1.Stopped()
		c2.Stopped()
		// The owner of the breakpoint leaves: the machine stays, the breakpoint goes.
		c2.Do("disconnect", nil, nil)
		<-a2.done
		c1.Threads()
		if n := c1.Pending("continued"); n != 0 {
			t.Errorf("the machine was resumed when the other left")
		}
		n := strings.Count(c1.Output("stdout"), "tick")
		c1.Continue()
		c1.WaitOutput("stdout", fmt.Sprintf("tick %d\n", n+3))
		if c1.Pending("stopped") != 0 {
			t.Error("the other's breakpoint is still there")
		}
		c1.Do("disconnect", nil, nil)
	})
}

// TestRunDAP: `vitrine run -dap`, several clients by TCP and unix socket.
func TestRunDAP(t *testing.T) {
	for _, addr := range []string{"tcp:127.0.0.1:0", "unix:" + filepath.Join(t.TempDir(), "dap")} {
		cmd, out, errs := run(t, "-name", "rundap", "-dap", addr, "--", "sh", "-c", ticking)
		line := expectLine(t, errs, "DAP server listening at: ")
		expectLine(t, out, "tick 1")
		connect := func() *daptest.Client {
			conn, err := dial(strings.TrimPrefix(line, "DAP server listening at: "))
			if err != nil {
				t.Fatal(err)
			}
			return daptest.New(t, conn)
		}
		c1, c2 := connect(), connect()
		c1.Refused("launch", nil)
		for _, c := range []*daptest.Client{c1, c2} {
			c.Attach(map[string]any{"name": "Attach"})
			c.ConfigurationDone()
		}
		c1.Do("pause", dap.PauseArguments{}, nil)
		c1.Stopped()
		c2.Stopped()
		c1.Close()
		c2.Continue()
		expectLine(t, out, "tick")
		// dropped at the first byte that is not the protocol
		conn, err := dial(strings.TrimPrefix(line, "DAP server listening at: "))
		if err != nil {
			t.Fatal(err)
		}
		io.WriteString(conn, "P")
		if _, err := conn.Read(make([]byte, 1)); err == nil {
			t.Error("a browser gets an answer")
		}
		c2.Do("disconnect", map[string]any{"terminateDebuggee": true}, nil)
		cmd.Wait()
	}
}

func dial(addr string) (net.Conn, error) {
	network, where, _ := strings.Cut(addr, ":")
	return net.Dial(network, where)
}

// TestListen: `vitrine dap -listen` launches for one client, lets others in, and launches again.
func TestListen(t *testing.T) {
	cmd := exec.Command(vitrine, "dap", "-listen", "unix:"+filepath.Join(t.TempDir(), "dap"))
	o, _ := cmd.StdoutPipe()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		cmd.Process.Signal(unix.SIGTERM)
		cmd.Wait()
	}()
	addr := strings.TrimPrefix(expectLine(t, bufio.NewReader(o), "listening"), "DAP server listening at: ")
	for range 2 {
		conn, err := dial(addr)
		if err != nil {
			t.Fatal(err)
		}
		c := daptest.New(t, conn)
		launch(t, c, ticking, nil)
		c.ConfigurationDone()
		conn2, err := dial(addr)
		if err != nil {
			t.Fatal(err)
		}
		c2 := daptest.New(t, conn2)
		c2.Refused("launch", nil)
		c2.Attach(nil)
		c2.ConfigurationDone()
		c.WaitOutput("stdout", "tick 2")
		c2.Do("disconnect", nil, nil)
		c.Do("terminate", nil, nil)
		c.Exited()
		c.Do("disconnect", nil, nil)
	}
}

// TestKilled: a machine that is killed at a stop ends, and its client is told.
func TestKilled(t *testing.T) {
	c, _ := stdio(t)
	launch(t, c, ticking, map[string]any{"machine": "killed"})
	functions(t, c, "(*FS).SetUmask", "")
	c.ConfigurationDone()
	c.Stopped()
	if out, err := exec.Command(vitrine, "kill", "killed").CombinedOutput(); err != nil {
		t.Errorf("vitrine kill: %v\n%s", err, out)
	}
	c.Exited()
}

// TestClientDies: the adapter's client vanishes; the kernel goes with it.
func TestClientDies(t *testing.T) {
	c, a := stdio(t)
	launch(t, c, ticking, map[string]any{"machine": "orphan"})
	functions(t, c, "(*FS).SetUmask", "")
	c.ConfigurationDone()
	c.Stopped()
	var e struct{ SystemProcessID int }
	json.Unmarshal(c.Event("process").Body, &e)
	a.Close()
	<-a.done
	if e.SystemProcessID == 0 || unix.Kill(e.SystemProcessID, 0) == nil {
		t.Errorf("kernel process %d is alive", e.SystemProcessID)
	}
}

// TestTerminal: the console in a terminal of the client's.
func TestTerminal(t *testing.T) {
	c, _ := stdio(t)
	asked := make(chan []string, 1)
	c.RunInTerminal = func(args []string) { asked <- args }
	launch(t, c, "read x; echo got $x", map[string]any{"console": "integratedTerminal", "machine": "term"})
	c.ConfigurationDone()
	args := <-asked
	if len(args) != 3 || args[1] != "console" || args[2] != "term" {
		t.Fatalf("%q", args)
	}
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Stdin = strings.NewReader("hello\n")
	out, _ := cmd.CombinedOutput()
	if status := c.Exited(); status != 0 || !strings.Contains(string(out), "got hello") {
		t.Errorf("status %d, console %q", status, out)
	}
}

// TestInput: the guest command's standard input comes from the client.
func TestInput(t *testing.T) {
	c, _ := stdio(t)
	launch(t, c, "read x; echo got $x $WHO", map[string]any{"env": map[string]string{"WHO": "me too"}})
	c.ConfigurationDone()
	c.Do("vitrine/console", map[string]any{"stdin": "hello\n"}, nil)
	if status := c.Exited(); status != 0 || c.Output("stdout") != "got hello me too\n" {
		t.Errorf("status %d, output %q", status, c.Output("stdout"))
	}
}

// TestDAPAndConsole: one client by DAP, one `vitrine debug`. A stop by one is seen by the other, breakpoints stay their owner's, one that
// leaves does not resume the machine.
func TestDAPAndConsole(t *testing.T) {
	each(t, func(t *testing.T, smp map[string]any) {
		c, _ := stdio(t)
		launch(t, c, ticking, map[string]any{"smp": smp["smp"], "machine": "mixed"})
		c.ConfigurationDone()
		c.WaitOutput("stdout", "tick 2")
		script := []string{"break (*FS).SetUmask if m == 3", "continue", "print m", "breakpoints"}
		args := []string{"debug", "mixed", "-batch"}
		for _, l := range script {
			args = append(args, "-ex", l)
		}
		out, err := exec.Command(vitrine, args...).CombinedOutput()
		if err != nil || !strings.Contains(string(out), "m = 3") {
			t.Errorf("%v\n%s", err, out)
		}
		c.Stopped() // when it came
		c.Event("continued")
		if st := c.Stopped(); len(st.HitBreakpointIds) != 0 { // at its breakpoint
			t.Errorf("%+v", st)
		}
		if v := c.Evaluate(0, "m"); v.Result != "3" {
			t.Errorf("%+v", v)
		}
		if c.Pending("continued") > 0 {
			t.Error("it has left, and the machine runs")
		}
		n := strings.Count(c.Output("stdout"), "tick")
		c.Continue()
		c.WaitOutput("stdout", fmt.Sprintf("tick %d\n", n+20)) // past its breakpoint, which is gone
	})
}
