package board

import (
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"vitrine/machine/ctl"
)

// supervisorMain is a supervisor for TestNoOrphans: it starts a machine and waits to be killed.
func supervisorMain() {
	exe, _ := os.Executable()
	os.Unsetenv("BOARD_TEST_SUPERVISOR")
	ready := make(chan bool, 1)
	b, err := New(Config{Name: "test", Kernel: exe, CommandLine: "cells 0", RAM: 16 << 20, Message: func(*ctl.Message) { ready <- true }})
	if err == nil {
		err = b.Start()
	}
	if err == nil {
		err = b.Boot()
	}
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	<-ready
	pids := []string{strconv.Itoa(b.PID())}
	for i := range 3 {
		pids = append(pids, strconv.Itoa(int(b.cells[i].PID.Load())))
	}
	fmt.Println(strings.Join(pids, " "))
	select {}
}

func TestNoOrphans(t *testing.T) {
	exe, _ := os.Executable()
	cmd := exec.Command(exe)
	cmd.Env = append(os.Environ(), "BOARD_TEST_SUPERVISOR=1")
	out, _ := cmd.StdoutPipe()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Wait()
	line := make([]byte, 100)
	n, err := out.Read(line)
	if err != nil {
		cmd.Process.Kill()
		t.Fatal(err)
	}
	cmd.Process.Kill()
	for _, f := range strings.Fields(string(line[:n])) {
		pid, err := strconv.Atoi(f)
		if err != nil {
			t.Fatalf("supervisor: %s", line[:n])
		}
		wait(t, "end of "+f, func() bool { return gone(pid) })
	}
}
