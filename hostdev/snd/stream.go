package snd

import (
	"encoding/binary"
	"sync"
	"time"

	"vitrine/hostdev/virtio"
	"vitrine/machine/virtq"
)

// slack is how late a piece may be without moving those after it, ns: the time that a driver's interrupt takes.
const slack = 20_000_000

// step is how often a piece that is longer goes out, or in, by parts, ns: the back-end gets an even flow, and meters move.
const step = 20_000_000

// What state a stream is in (5.14.6.6.1).
const (
	idle     = iota // no parameters
	set             // SET_PARAMS
	prepared        // PREPARE
	running         // START
	stopped         // STOP
)

// Bounds of parameters.
const (
	maxBufferBytes = 64 << 20
	statusSize     = 8 // struct virtio_snd_pcm_status: status, latency_bytes
)

// stream is one direction of the device.
type stream struct {
	dev   *Device
	id    int // immutable, as queue and can
	queue *virtio.Queue
	can   Can
	alarm Alarm // for the goroutine; set by Attach, used with mu held

	mu     sync.Mutex
	state  int
	format Format
	out    Output
	in     Input
	volume volume
	meter  meter
	stalls int
	failed bool  // the last write has
	quiet  bool  // the driver does not kick: the queue is looked at when the piece at work is done
	looks  int64 // what the alarm is set for

	// The piece at work, while have is set.
	piece virtq.Chain
	have  bool
	size  int64 // frames of it
	done  int64 // of them, played or filled

	// Time: frame count began at base + count/rate. The piece at work begins at count.
	base  int64
	count int64
	buf   []byte
}

func newStream(d *Device, id int) *stream {
	return &stream{dev: d, id: id, queue: d.Queues[queueTx+id], can: d.backend.Can(id), looks: never, volume: newVolume()}
}

// run is the life of the stream's goroutine: it sleeps until a piece is due.
func (st *stream) run() {
	defer st.dev.running.Done()
	defer st.close()
	for st.alarm.Wait() {
		st.dev.Do(func() {
			st.mu.Lock()
			defer st.mu.Unlock()
			st.looks = st.work()
			st.alarm.Set(st.looks)
		})
	}
}

// look works, and sees to it that the goroutine does when there is more to do: for a kick, with which the next piece is taken and is
// in time from now on, and for a start. The caller is inside the gate and holds mu.
func (st *stream) look() {
	if next := st.work(); next < st.looks {
		st.looks = next
		st.alarm.Set(next)
	}
}

// work finishes pieces that are due and returns when to look again, or never. The caller is inside the gate and holds mu.
func (st *stream) work() int64 {
	if st.state == idle || st.state == set {
		st.flush(sBadMsg) // 5.14.6.8.1.1: there is nothing to play yet
		return never
	}
	if st.state != running {
		return never
	}
	for {
		now := st.dev.clock.Now()
		if !st.have {
			if !st.next() {
				return never
			}
			if late := now - st.due(0); late > slack {
				st.base += late
				st.stalls++
			}
		}
		if due := st.due(st.size); due > now {
			st.move(st.elapsed(now))
			return min(due, now+step)
		}
		st.move(st.size)
		st.finish(sOK)
	}
}

// due is when frame n of the piece at work begins.
func (st *stream) due(n int64) int64 { return st.base + st.time(st.count+n) }

// time is how long n frames take, rounded up: a piece is not done before its last frame is.
func (st *stream) time(n int64) int64 {
	rate := int64(st.format.Rate)
	return n/rate*1e9 + (n%rate*1e9+rate-1)/rate
}

// elapsed is how many frames of the piece at work are over.
func (st *stream) elapsed(now int64) int64 {
	gone, rate := max(now-st.base, 0), int64(st.format.Rate)
	return min(max(gone/1e9*rate+gone%1e9*rate/1e9-st.count, 0), st.size)
}

// next takes the next piece to work at. It reports false if there is none.
func (st *stream) next() bool {
	for {
		if !st.pop() {
			return false
		}
		if !st.quiet {
			st.quiet = true
			st.queue.Quiet()
		}
		var id [4]byte
		n, _ := st.piece.Read(id[:])
		bytes := int64(st.piece.ReadLen())
		if st.id == Record {
			bytes = int64(st.piece.WriteLen()) - statusSize
		}
		if n < 4 || binary.LittleEndian.Uint32(id[:]) != uint32(st.id) || bytes < 0 || bytes > maxBufferBytes {
			st.finish(sBadMsg)
			continue
		}
		st.have, st.size, st.done = true, bytes/int64(st.format.FrameBytes()), 0
		return true
	}
}

// pop takes a piece from the queue. When there is none the driver kicks for the next one.
func (st *stream) pop() bool {
	for {
		if ok, _ := st.queue.Pop(&st.piece); ok {
			return true
		}
		if !st.quiet {
			return false
		}
		st.quiet = false
		if !st.queue.Ready() || !st.queue.Listen() {
			return false
		}
	}
}

// move plays or fills the piece at work up to frame n.
func (st *stream) move(n int64) {
	size := int64(st.format.FrameBytes())
	for st.done < min(n, st.size) {
		k := min(n-st.done, max(64<<10/size, 1))
		if int64(cap(st.buf)) < k*size {
			st.buf = make([]byte, k*size)
		}
		b := st.buf[:k*size]
		if st.id == Play {
			st.piece.Read(b)
			st.volume.apply(st.format, b)
			st.failed = st.out.Write(b) != nil
		} else {
			st.in.Read(b)
			st.volume.apply(st.format, b)
			st.piece.Write(b)
		}
		st.meter.add(b, int(k))
		st.done += k
	}
}

// finish gives the piece back.
func (st *stream) finish(status uint32) {
	if st.have {
		st.count += st.done
		st.have = false
	}
	if status == sOK && st.failed {
		status = sIOErr
	}
	for st.id == Record && st.piece.WriteLen() > statusSize { // the status comes behind the samples, whatever there are of them
		st.piece.Advance(int(min(uint64(len(st.piece.Room())), st.piece.WriteLen()-statusSize)))
	}
	var b [statusSize]byte
	binary.LittleEndian.PutUint32(b[:], status)
	st.piece.Write(b[:]) // without room for it there is none
	st.queue.Push(&st.piece)
}

// flush gives all pieces back.
func (st *stream) flush(status uint32) {
	if st.have {
		st.finish(status)
	}
	for {
		if !st.pop() {
			return
		}
		st.finish(status)
	}
}

// setParams is SET_PARAMS: buffer_bytes, period_bytes, features, channels, format, rate.
func (st *stream) setParams(m []byte) uint32 {
	if len(m) < 23 {
		return sBadMsg
	}
	buffer, period, features := binary.LittleEndian.Uint32(m[8:]), binary.LittleEndian.Uint32(m[12:]), binary.LittleEndian.Uint32(m[16:])
	f := Format{Channels: int(m[20]), Sample: Sample(m[21])}
	if int(m[22]) < len(rates) {
		f.Rate = rates[m[22]]
	}
	if features != 0 || !st.can.has(f) {
		return sNotSupp
	}
	if period == 0 || buffer == 0 || period > buffer || buffer > maxBufferBytes || buffer%period != 0 {
		return sBadMsg
	}
	st.mu.Lock()
	defer st.mu.Unlock()
	if st.state == running || st.state == stopped {
		return sBadMsg
	}
	if f != st.format {
		st.closeHost()
	}
	st.state, st.format = set, f
	return sOK
}

// prepare is PREPARE.
func (st *stream) prepare() uint32 {
	st.mu.Lock()
	defer st.mu.Unlock()
	if st.state != set && st.state != prepared {
		return sBadMsg
	}
	if st.out == nil && st.in == nil {
		var err error
		if st.id == Play {
			st.out, err = st.dev.backend.Output(st.format)
		} else {
			st.in, err = st.dev.backend.Input(st.format)
		}
		if err != nil {
			st.out, st.in = nil, nil
			return sIOErr
		}
		st.failed = false
		st.meter.start(st.format)
	}
	st.state = prepared
	return sOK
}

// start is START.
func (st *stream) start() uint32 {
	st.mu.Lock()
	defer st.mu.Unlock()
	if st.state != prepared && st.state != stopped {
		return sBadMsg
	}
	st.state = running
	// The frame that is next begins now, be it the first or one in the middle of a piece.
	st.base, st.count = st.dev.clock.Now()-st.time(st.done0()), 0
	st.look()
	return sOK
}

// done0 is how far the piece at work has come.
func (st *stream) done0() int64 {
	if st.have {
		return st.done
	}
	return 0
}

// stop is STOP: what is over by now of the piece at work goes out, the rest waits.
func (st *stream) stop() uint32 {
	st.mu.Lock()
	defer st.mu.Unlock()
	if st.state != running {
		return sBadMsg
	}
	if st.have {
		st.move(st.elapsed(st.dev.clock.Now()))
	}
	st.state = stopped
	if st.out != nil {
		st.out.Pause()
	}
	return sOK
}

// release is RELEASE: all pieces go back.
func (st *stream) release() uint32 {
	st.mu.Lock()
	defer st.mu.Unlock()
	if st.state != prepared && st.state != stopped {
		return sBadMsg
	}
	st.flush(sIOErr)
	st.state = set
	return sOK
}

// reset forgets everything: the queues are gone.
func (st *stream) reset() {
	st.mu.Lock()
	defer st.mu.Unlock()
	st.state, st.have, st.quiet, st.looks, st.volume = idle, false, false, never, newVolume()
	st.closeHost()
}

func (st *stream) close() {
	st.mu.Lock()
	defer st.mu.Unlock()
	st.closeHost()
}

// closeHost ends the back-end's stream.
func (st *stream) closeHost() {
	if st.out != nil {
		st.out.Close()
	}
	if st.in != nil {
		st.in.Close()
	}
	st.out, st.in = nil, nil
}

// stateNames are ALSA's words for the states.
var stateNames = [...]string{idle: "open", set: "setup", prepared: "prepared", running: "running", stopped: "paused"}

func (st *stream) snapshot(last time.Duration) Meter {
	st.mu.Lock()
	defer st.mu.Unlock()
	frames := int(min(max(last, 0), meterSeconds*time.Second) * time.Duration(st.format.Rate) / time.Second)
	return Meter{
		Format: st.format, State: stateNames[st.state], Running: st.state == running, Frames: st.meter.frames, Stalls: st.stalls,
		Recent: st.meter.recent(frames * st.format.FrameBytes()),
	}
}
