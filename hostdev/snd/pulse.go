package snd

import (
	"net"
	"sync"
	"time"

	"github.com/jfreymuth/pulse/proto"
)

// pulse plays to and records from a PulseAudio server, whose clock is not the machine's. Each stream has a connection
// and a goroutine of its own, with a queue towards the device:
//
//	device ──Write──▶ queue ──▶ (*pulseStream).serve ──▶ server      at the pace at which the server asks
//	device ◀──Read── queue ◀── callback ◀────────────── server
//
// While the machine stands nothing is written, and the server plays silence by itself; recording goes on, and what is too
// old when the machine runs again is forgotten. A server that goes away is looked for every second.
type pulse struct {
	server string // "": as libpulse finds it
	log    logger
}

const (
	pulseTarget   = 200 * time.Millisecond // what the server has before it plays, and keeps
	pulseBehind   = 5 * time.Second        // what waits for a slow server at most
	pulseCushion  = 100 * time.Millisecond // of recorded sound, before the device takes any
	pulseRetry    = time.Second
	pulseEnd      = 2 * time.Second // what the end of a stream may take
	pulseFragment = 20 * time.Millisecond
)

// pulseFormats are PulseAudio's numbers (pa_sample_format_t). It has no S8.
var pulseFormats = map[Sample]byte{
	U8: proto.FormatUint8, S16: proto.FormatInt16LE, S32: proto.FormatInt32LE, Float: proto.FormatFloat32LE, S24P: 9, S24: 11,
}

func newPulse(server string, log logger) *pulse { return &pulse{server, log} }

// Can implements Backend.
func (p *pulse) Can(int) Can {
	c := anything()
	c.Samples = nil
	for _, s := range Samples {
		if _, ok := pulseFormats[s]; ok {
			c.Samples = append(c.Samples, s)
		}
	}
	return c
}

// Output implements Backend.
func (p *pulse) Output(f Format) (Output, error) { return p.stream(f, Play), nil }

// Input implements Backend.
func (p *pulse) Input(f Format) (Input, error) { return p.stream(f, Record), nil }

// Close implements Backend.
func (p *pulse) Close() error { return nil }

func (p *pulse) stream(f Format, dir int) *pulseStream {
	s := &pulseStream{p: p, f: f, dir: dir}
	s.change = sync.NewCond(&s.mu)
	s.ended = make(chan struct{})
	go s.run()
	return s
}

// pulseStream is a stream with its queue.
type pulseStream struct {
	p   *pulse
	f   Format
	dir int

	mu      sync.Mutex
	change  *sync.Cond
	queue   []byte
	asked   int  // bytes that the server wants
	trigger bool // it shall play what it has
	filled  bool // the cushion was there
	lost    bool // the connection is gone
	closed  bool
	ended   chan struct{} // run has returned
}

// bytes is how much sound lasts that long.
func (s *pulseStream) bytes(d time.Duration) int {
	return int(int64(s.f.Rate)*int64(d)/int64(time.Second)) * s.f.FrameBytes()
}

// Write implements Output.
func (s *pulseStream) Write(b []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.queue = append(s.queue, b...)
	s.cut(s.bytes(pulseBehind))
	s.change.Broadcast()
	return nil
}

// cut forgets what is oldest. Caller holds mu.
func (s *pulseStream) cut(limit int) {
	if over := len(s.queue) - limit; over > 0 {
		s.queue = append(s.queue[:0], s.queue[over:]...)
	}
}

// Pause implements Output.
func (s *pulseStream) Pause() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.trigger = true
	s.change.Broadcast()
}

// Read implements Input.
func (s *pulseStream) Read(b []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	cushion := s.bytes(pulseCushion)
	s.cut(4*cushion + len(b))
	n := 0
	if s.filled = s.filled || len(s.queue) >= cushion; s.filled {
		n = copy(b, s.queue)
		s.queue = append(s.queue[:0], s.queue[n:]...)
		s.filled = n == len(b)
	}
	fill(b[n:], s.f.Sample.silence())
}

// Close implements Output and Input. What was written is played, if the server takes it soon.
func (s *pulseStream) Close() {
	s.mu.Lock()
	s.closed, s.trigger = true, true
	s.change.Broadcast()
	s.mu.Unlock()
	select {
	case <-s.ended:
	case <-time.After(pulseEnd):
	}
}

// run connects, again and again.
func (s *pulseStream) run() {
	defer close(s.ended)
	said := false
	for {
		err := s.connect()
		s.mu.Lock()
		closed := s.closed
		s.queue, s.filled = nil, false
		s.mu.Unlock()
		if closed {
			return
		}
		if err != nil && !said {
			s.p.log("PulseAudio: %v; trying again", err)
		}
		said = err != nil
		time.Sleep(pulseRetry)
	}
}

// connect makes a connection and a stream on it, and serves it until it ends.
func (s *pulseStream) connect() error {
	c, conn, err := proto.Connect(s.p.server)
	if err != nil {
		return err
	}
	defer conn.Close()
	s.mu.Lock()
	s.asked, s.lost = 0, false
	s.mu.Unlock()
	c.Callback = s.hear
	props := proto.PropList{"media.name": proto.PropListString("vitrine"), "application.name": proto.PropListString("vitrine")}
	if err := c.Request(&proto.SetClientName{Props: props}, &proto.SetClientNameReply{}); err != nil {
		return err
	}
	if s.dir == Record {
		return s.record(c, props)
	}
	return s.play(c, conn, props)
}

// spec is the stream's format as the protocol has it.
func (s *pulseStream) spec() (proto.SampleSpec, proto.ChannelMap, proto.ChannelVolumes) {
	m := proto.ChannelMap{proto.ChannelMono}
	v := proto.ChannelVolumes{uint32(proto.VolumeNorm)}
	if s.f.Channels == 2 {
		m, v = proto.ChannelMap{proto.ChannelLeft, proto.ChannelRight}, append(v, v[0])
	}
	return proto.SampleSpec{Format: pulseFormats[s.f.Sample], Channels: byte(s.f.Channels), Rate: uint32(s.f.Rate)}, m, v
}

// hear takes what the server says by itself.
func (s *pulseStream) hear(msg any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch msg := msg.(type) {
	case *proto.Request:
		s.asked += int(msg.Length)
	case *proto.DataPacket:
		s.queue = append(s.queue, msg.Data...)
		s.cut(s.bytes(pulseBehind))
	case *proto.ConnectionClosed, *proto.PlaybackStreamKilled, *proto.RecordStreamKilled:
		s.lost = true
	}
	s.change.Broadcast()
}

// record serves a stream that records: the callback does the work.
func (s *pulseStream) record(c *proto.Client, props proto.PropList) error {
	spec, m, v := s.spec()
	var reply proto.CreateRecordStreamReply
	err := c.Request(&proto.CreateRecordStream{
		SampleSpec: spec, ChannelMap: m, SourceIndex: proto.Undefined, BufferMaxLength: proto.Undefined, DirectOnInputIndex: proto.Undefined,
		BufferFragSize: uint32(s.bytes(pulseFragment)), AdjustLatency: true, Properties: props, ChannelVolumes: v,
	}, &reply)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for !s.closed && !s.lost {
		s.change.Wait()
	}
	return errLost(s.lost)
}

// play serves a stream that plays: it sends what is there as the server asks for it.
func (s *pulseStream) play(c *proto.Client, conn net.Conn, props proto.PropList) error {
	spec, m, v := s.spec()
	var reply proto.CreatePlaybackStreamReply
	err := c.Request(&proto.CreatePlaybackStream{
		SampleSpec: spec, ChannelMap: m, SinkIndex: proto.Undefined, BufferMaxLength: proto.Undefined,
		BufferTargetLength: uint32(s.bytes(pulseTarget)), BufferPrebufferLength: proto.Undefined, BufferMinimumRequest: proto.Undefined,
		AdjustLatency: true, ChannelVolumes: v, VolumeSet: true, Properties: props,
	}, &reply)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked += int(reply.Missing)
	for !s.lost {
		n := min(s.asked, len(s.queue))
		n -= n % s.f.FrameBytes()
		trigger := s.trigger && len(s.queue) == n
		if n == 0 && !trigger {
			s.change.Wait()
			continue
		}
		b := append([]byte(nil), s.queue[:n]...)
		s.queue = append(s.queue[:0], s.queue[n:]...)
		s.asked -= n
		if trigger {
			s.trigger = false
		}
		closed := s.closed
		s.mu.Unlock()
		if len(b) > 0 {
			err = c.Send(reply.StreamIndex, b)
		}
		if trigger && !closed && err == nil {
			err = c.Request(&proto.TriggerPlaybackStream{StreamIndex: reply.StreamIndex}, nil)
		}
		if trigger && closed && err == nil {
			conn.SetDeadline(time.Now().Add(pulseEnd))
			c.Request(&proto.DrainPlaybackStream{StreamIndex: reply.StreamIndex}, nil)
			time.Sleep(pulseTarget) // sinks drop what they have rendered ahead of a stream that goes away
			s.mu.Lock()
			return nil
		}
		s.mu.Lock()
		if err != nil {
			return err
		}
	}
	return errLost(true)
}

// errLost is the end of a connection that the server has ended.
func errLost(lost bool) error {
	if lost {
		return net.ErrClosed
	}
	return nil
}
