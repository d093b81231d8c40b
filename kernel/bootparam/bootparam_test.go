package bootparam

import (
	"slices"
	"testing"
)

var (
	testInt    = Int("test_int", 5, "a number")
	testString = String("test.string", "none", "a text")
	testFlag   = Flag("test-flag", "a switch")
	testOn     = FlagOn("test_on", "a switch that is on")
)

func TestInt(t *testing.T) {
	for line, want := range map[string]int{
		"": 5, "test_int=7": 7, "test-int=7": 7, "test_int=0x10": 16, "test_int=4K": 4096, "test_int=2g": 2 << 30,
		"test_int=-1": -1, "test_int=1 test_int=2": 2, "test_int=x": 5, "test_int": 5, "test_int=99999999999999999999": 5,
		"test_int=9223372036854775807K": 5, "test_int=0x1k": 5, "a=b -- test_int=7": 5,
	} {
		if got := testInt.Get(Parse(line)); got != want {
			t.Errorf("%q: %d, want %d", line, got, want)
		}
	}
	if testInt.Get(nil) != 5 {
		t.Error("no command line")
	}
}

func TestFlag(t *testing.T) {
	for line, want := range map[string][2]bool{
		"": {false, true}, "test-flag": {true, true}, "test_flag=1 test_on=0": {true, false}, "test_flag=off": {false, true},
		"test_on=no": {false, false}, "test_flag=maybe": {false, true},
	} {
		ps := Parse(line)
		if got := [2]bool{testFlag.Get(ps), testOn.Get(ps)}; got != want {
			t.Errorf("%q: %v, want %v", line, got, want)
		}
	}
}

func TestString(t *testing.T) {
	for line, want := range map[string]string{
		"": "none", "test.string=a=b": "a=b", `test.string="a b"`: "a b", `"test.string=a b"`: "a b", "test.string=": "", "test.string": "",
	} {
		if got := testString.Get(Parse(line)); got != want {
			t.Errorf("%q: %q, want %q", line, got, want)
		}
	}
}

func TestInit(t *testing.T) {
	ps := Parse(`single TERM=xterm mod.opt=1 test_int=x -- sh -c "echo \"hi\" there" --`)
	if want := []string{"single", "sh", "-c", `echo "hi" there`, "--"}; !slices.Equal(ps.InitArgs, want) {
		t.Errorf("arguments %q, want %q", ps.InitArgs, want)
	}
	if want := []string{"TERM=xterm"}; !slices.Equal(ps.InitEnv, want) {
		t.Errorf("environment %q, want %q", ps.InitEnv, want)
	}
	if len(ps.Warnings) != 2 {
		t.Errorf("warnings %q", ps.Warnings)
	}
	if got, want := ps.Environ("HOME=/", "TERM=linux"), []string{"HOME=/", "TERM=xterm"}; !slices.Equal(got, want) {
		t.Errorf("environment %q, want %q", got, want)
	}
}

func TestJoin(t *testing.T) {
	words := []string{"a", "", "two words", `qu"ote`, `back\slash`, `both \" of`, "new\nline", "ünï", `\`, `"`, "tab\t"}
	if got := split(Join(words...)); !slices.Equal(got, words) {
		t.Errorf("%q came back as %q", words, got)
	}
}

func FuzzJoin(f *testing.F) {
	f.Add("a b", `c\"`)
	f.Fuzz(func(t *testing.T, a, b string) {
		if got := split(Join(a, b)); !slices.Equal(got, []string{a, b}) {
			t.Fatalf("%q, %q came back as %q", a, b, got)
		}
		Parse(a + " " + b)
	})
}

func TestAllIsSorted(t *testing.T) {
	var names []string
	for _, d := range All() {
		names = append(names, d.Name)
	}
	if !slices.IsSorted(names) || len(names) < 4 {
		t.Errorf("declared: %q", names)
	}
}
