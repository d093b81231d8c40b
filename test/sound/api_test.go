package sound

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// TestAPI runs a program against the devices with the structures of Linux's own headers.
func TestAPI(t *testing.T) {
	if _, err := exec.LookPath("gcc"); err != nil {
		t.Skip("gcc is not installed: apt-get install gcc libc6-dev")
	}
	prog := filepath.Join(t.TempDir(), "api")
	if _, err := os.Stat("/usr/include/sound/asound.h"); err != nil {
		t.Skip("no headers of Linux: apt-get install linux-libc-dev")
	}
	if out, err := exec.Command("gcc", "-O1", "-static", "-o", prog, "programs/api.c").CombinedOutput(); err != nil {
		t.Fatalf("gcc: %v\n%s", err, out)
	}
	code, err := os.ReadFile(prog)
	if err != nil {
		t.Fatal(err)
	}
	out, errs := guest{audio: "none", files: map[string][]byte{"api": code}, script: "chmod +x api; ./api"}.run(t)
	if string(out) != "fine\n" {
		t.Errorf("%q\n%s", out, errs)
	}
}
