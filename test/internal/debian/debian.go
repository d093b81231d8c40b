// Package debian makes Debian directories for tests that run its programs in a guest.
package debian

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// suite is the release; to change it is to make new directories.
const suite = "bookworm"

// Tree returns a directory with a minimal Debian and some packages, names with commas between. It is made by debootstrap the first
// time and kept in the user's cache: some 40 seconds and 300 MB.
func Tree(t testing.TB, packages string) (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	what := sha256.Sum256([]byte(suite + packages))
	dir := filepath.Join(cache, "vitrine", fmt.Sprintf("debian-%s-%x", suite, what[:4]))
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return "", err
	}
	lock, err := os.Create(dir + ".lock") // two tests at once make one
	if err != nil {
		return "", err
	}
	defer lock.Close()
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		return "", err
	}
	if _, err := os.Stat(dir); err == nil {
		return dir, nil
	}
	prog, err := exec.LookPath("debootstrap")
	if err != nil {
		return "", errors.New("debootstrap is not installed: apt-get install debootstrap")
	}
	if os.Getuid() != 0 {
		return "", fmt.Errorf("debootstrap works for root only: sudo debootstrap --variant=minbase --include=%s %s %s", packages, suite, dir)
	}
	tmp := dir + ".tmp"
	if err := os.RemoveAll(tmp); err != nil {
		return "", err
	}
	t.Logf("making %s", dir)
	cmd := exec.Command(prog, "--variant=minbase", "--include="+packages, suite, tmp)
	if out, err := cmd.CombinedOutput(); err != nil {
		lines := strings.Split(string(bytes.TrimSpace(out)), "\n")
		return "", fmt.Errorf("debootstrap: %v: %s", err, lines[len(lines)-1])
	}
	os.RemoveAll(filepath.Join(tmp, "var/cache/apt/archives"))
	return dir, os.Rename(tmp, dir)
}
