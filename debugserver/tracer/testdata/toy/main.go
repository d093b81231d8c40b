// Toy is the program that the tests of the debugger look at. What it does besides ticking is chosen by flags.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"runtime"
	"runtime/pprof"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// Task is a toy task.
type Task struct {
	Pid   int
	Name  string
	State int
	Next  *Task
}

// Device is a toy device.
type Device struct {
	Name   string
	volume int
	buf    [64]byte
}

// Kernel is the root of the toy's state.
type Kernel struct {
	Tasks   *Task
	Sound   *Device
	Ticks   uint64
	Calls   uint64
	Jiffies int64
	Byname  map[string]*Task
}

// The is the toy kernel.
var The = boot()

func boot() *Kernel {
	return &Kernel{Sound: &Device{Name: "snd0", volume: 5}, Byname: map[string]*Task{}}
}

var (
	ratio   = 1.5
	sink    int
	spins   uint64
	wide    [4096 * 4]byte // places to watch: pages of their own somewhere inside
	any_    any            = &Task{Pid: 77, Name: "boxed"}
	badSize                = struct {
		s []int
		n string
	}{}
)

//go:noinline
func (k *Kernel) tick(n uint64) uint64 {
	k.Ticks = n // TICK
	atomic.AddUint64(&k.Calls, 1)
	k.Sound.touch(int(n))
	x := int(n) * 2 // AFTER
	x += int(k.Jiffies)
	ratio *= 1.0000001
	return uint64(x)
}

//go:noinline
func (d *Device) touch(n int) {
	if n%1000 == 0 {
		d.volume = n / 1000 // VOLUME
	}
	d.buf[n%64]++
}

//go:noinline
func deep(n int) int {
	if n == 0 {
		return leaf()
	}
	return deep(n-1) + 1
}

//go:noinline
func leaf() int {
	sink++ // LEAF
	return sink
}

//go:noinline
func store(i int, v byte) {
	wide[i] = v // STORE
}

//go:noinline
func double(n int) int { return 2 * n } // DOUBLE

//go:noinline
func hello(name string) string { return "hello " + name }

//go:noinline
func local(n int) int {
	x := n // LOCAL
	x++
	x *= 2
	use(&x)
	return x
}

//go:noinline
func use(*int) {}

// odd has what makes a function hard to step through: deferred functions, loops over functions, recursion.
func odd(n int) (sum int) {
	sum = n // ODD
	for i := range n {
		defer func() {
			sum += i
		}()
	}
	for x := range upTo(n) {
		sum += x
		if x == 2 {
			break
		}
	}
	for x := range upTo(n) {
		if x == 1 {
			return sum + x
		}
	}
	if n > 0 {
		sum += odd(n - 1)
	}
	return sum
}

// rescued returns by way of a deferred function.
func rescued(n int) (sum int) {
	defer func() {
		recover()
		sum = n
	}()
	sum = n / 2 // RESCUED
	if n%2 == 1 {
		panic("odd")
	}
	return sum
}

func upTo(n int) func(func(int) bool) {
	return func(yield func(int) bool) {
		for i := range n {
			if !yield(i) {
				return
			}
		}
	}
}

func spin(c *uint64) {
	for {
		x := *c
		for range 1000000 {
			x = x*6364136223846793005 + 1
		}
		*c = x
		atomic.AddUint64(&spins, 1)
	}
}

var (
	goroutines = flag.Int("goroutines", 0, "parked goroutines with labels")
	threads    = flag.Int("threads", 0, "threads that sleep")
	spinners   = flag.Int("spin", 0, "busy goroutines")
	sigs       = flag.Int("sigs", 0, "SIGURG per second")
	clones     = flag.Int("clones", 0, "threads that come, tick and go")
	forks      = flag.Int("forks", 0, "processes made by a clone that is no fork")
	ticks      = flag.Int("ticks", 0, "exit after so many ticks of main")
	idle       = flag.Duration("idle", 0, "pause between ticks")
	workers    = flag.Int("workers", 0, "goroutines that tick, too")
	depth      = flag.Int("deep", 0, "recursion instead of ticks")
	stores     = flag.Int("stores", 0, "rounds of stores into wide, before the ticks")
	fills      = flag.Int("fills", 0, "rounds of system calls that write into wide, before the ticks")
	die        = flag.String("die", "", "panic, fatal, segv, break or exit, after the ticks")
	work       = flag.Bool("work", false, "fixed work, timed, instead of ticks")
	oddly      = flag.Int("odd", 0, "call odd with this instead of ticks")
	locals     = flag.Bool("locals", false, "call local instead of ticks")
	wait       = flag.Bool("wait", false, "begin when a byte comes on standard input")
)

func main() {
	flag.Parse()
	if *wait {
		os.Stdin.Read(make([]byte, 1))
	}
	for i := range 5 {
		t := &Task{Pid: i + 1, Name: "task" + strconv.Itoa(i), Next: The.Tasks}
		The.Tasks = t
		The.Byname[t.Name] = t
	}
	start()
	for range *stores {
		for i := range wide {
			if i%16 == 0 {
				store(i, wide[i]+1)
			}
		}
	}
	fill(*fills)
	switch {
	case *work:
		fixedWork()
	case *depth > 0:
		for {
			deep(*depth)
		}
	case *oddly > 0:
		for {
			n := odd(*oddly)
			n += rescued(n)
			sink = n
			sink += rescued(n + 1)
		}
	case *locals:
		for i := 0; ; i++ {
			local(i)
		}
	}
	var wg sync.WaitGroup
	for range *workers {
		wg.Go(func() {
			for i := range *ticks {
				The.tick(uint64(i))
			}
		})
	}
	for i := 0; *ticks == 0 || i < *ticks; i++ {
		The.tick(uint64(i))
		if *idle > 0 {
			time.Sleep(*idle)
		}
	}
	wg.Wait()
	end()
}

func start() {
	for i := range *goroutines {
		go pprof.Do(context.Background(), pprof.Labels("task", fmt.Sprintf("kthread %d", i)), func(context.Context) {
			select {}
		})
	}
	for range *threads {
		go func() {
			runtime.LockOSThread()
			for {
				ts := syscall.Timespec{Sec: 1000}
				syscall.Nanosleep(&ts, nil)
			}
		}()
	}
	for range *spinners {
		go spin(new(uint64))
	}
	if *sigs > 0 {
		go func() {
			runtime.LockOSThread()
			for range time.Tick(time.Second / time.Duration(*sigs)) {
				syscall.Kill(os.Getpid(), syscall.SIGURG)
			}
		}()
	}
	if *clones > 0 {
		go func() {
			for {
				var wg sync.WaitGroup
				for i := range *clones {
					wg.Go(func() {
						runtime.LockOSThread() // and dies with it
						The.tick(uint64(i))
					})
				}
				wg.Wait()
			}
		}()
	}
	for range *forks {
		fork()
	}
	if *goroutines+*threads+*spinners > 0 {
		time.Sleep(10 * time.Millisecond)
	}
}

// fork makes a process by a clone without an exit signal, which a tracer is told of like a thread's, and checks that
// it ends as it should.
func fork() {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	pid, _, e := syscall.RawSyscall6(syscall.SYS_CLONE, 0, 0, 0, 0, 0, 0)
	if e == 0 && pid == 0 {
		for {
			syscall.RawSyscall(syscall.SYS_EXIT_GROUP, 42, 0, 0)
		}
	}
	var ws syscall.WaitStatus
	const all = 0x40000000
	for {
		_, err := syscall.Wait4(int(pid), &ws, all, nil)
		if err == syscall.EINTR {
			continue
		}
		if e != 0 || err != nil || ws.ExitStatus() != 42 {
			fmt.Println("fork:", e, err, ws)
			os.Exit(99)
		}
		return
	}
}

// fill reads from a pipe into wide, so many rounds: four bytes to every 128th byte.
func fill(rounds int) {
	var p [2]int
	if err := syscall.Pipe(p[:]); err != nil {
		panic(err)
	}
	for r := range rounds {
		for i := 0; i < len(wide); i += 128 {
			syscall.Write(p[1], []byte{byte(r + 1), byte(i / 128), 3, 4})
			n, err := syscall.Read(p[0], wide[i:i+4]) // FILL
			if n != 4 || err != nil || wide[i] != byte(r+1) || wide[i+1] != byte(i/128) {
				fmt.Println("read", i, n, err)
				os.Exit(98)
			}
		}
	}
	if _, _, e := syscall.RawSyscall(syscall.SYS_READ, ^uintptr(0), 0, 1); rounds > 0 && e != syscall.EBADF {
		os.Exit(97)
	}
	if _, _, e := syscall.RawSyscall(syscall.SYS_PIPE2, 8, 0, 0); rounds > 0 && e != syscall.EFAULT { // a fault of its own
		os.Exit(96)
	}
}

func fixedWork() {
	for {
		t0 := time.Now()
		var x uint64 = 1
		for range 300_000_000 {
			x = x*6364136223846793005 + 1
		}
		sink = int(x)
		fmt.Printf("work %.1f ms\n", float64(time.Since(t0).Microseconds())/1e3)
	}
}

func end() {
	fmt.Println("calls", The.Calls)
	switch *die {
	case "panic":
		panic("the toy is broken")
	case "fatal":
		var mu sync.Mutex
		mu.Unlock()
	case "segv":
		println(*(*int)(nil))
	case "break":
		runtime.Breakpoint()
	}
	fmt.Fprintln(os.Stderr, double(0), hello("")[:0], any_ != nil, len(badSize.s))
	os.Exit(7)
}
