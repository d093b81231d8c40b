package sound

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// TestHostileProgram lets a program do its worst for some seconds; afterwards sound is as before.
func TestHostileProgram(t *testing.T) {
	if _, err := exec.LookPath("gcc"); err != nil {
		t.Skip("gcc is not installed: apt-get install gcc libc6-dev")
	}
	prog := filepath.Join(t.TempDir(), "hostile")
	if out, err := exec.Command("gcc", "-O1", "-static", "-o", prog, "programs/hostile.c").CombinedOutput(); err != nil {
		t.Skipf("gcc: %v\n%s", err, out)
	}
	code, err := os.ReadFile(prog)
	if err != nil {
		t.Fatal(err)
	}
	for _, smp := range []string{"1", "4"} {
		t.Run("smp"+smp, func(t *testing.T) {
			t.Parallel()
			wav := filepath.Join(t.TempDir(), "out.wav")
			out, errs := guest{
				audio: "wav:out=" + wav, files: map[string][]byte{"hostile": code}, args: []string{"-smp", smp},
				script: "chmod +x hostile; ./hostile & ./hostile; wait; play tone; echo $?; dmesg | grep -v 'Command line' | grep -i -e oops -e panic; true",
			}.run(t)
			if string(out) != "survived\nsurvived\n0\n" {
				t.Errorf("%q\n%s", out, errs)
			}
		})
	}
}
