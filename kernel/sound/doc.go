// Package sound is the sound core: cards with PCM substreams, which programs reach by ALSA (/dev/snd) and by OSS
// (/dev/dsp), and which a driver feeds a device from.
//
//	aplay                       sox -t oss
//	  │ ioctl, write, mmap        │ ioctl, write
//	┌─▼───────────────┐  ┌────────▼──────┐
//	│ pcmFile         │  │ dspFile       │   files; a substream has one at a time
//	└─┬───────────────┘  └────────┬──────┘
//	┌─▼───────────────────────────▼──────────────────────────────┐
//	│ Substream: state, HWPtr, ring                              │
//	│                                                            │
//	│     ┌────────────── buffer_size frames ─────────────┐      │
//	│     │ played │ at the device │ written │   free     │      │
//	│     └────────▲───────────────▲─────────▲────────────┘      │
//	│            HWPtr            fed     appl_ptr               │
//	└─┬──────────────────────────────────────────────▲───────────┘
//	  │ Transfer: a piece of the ring                │ Elapsed, in an interrupt
//	┌─▼──────────────────────────────────────────────┴───────────┐
//	│ Hardware (kernel/drivers/snd)                              │
//	└────────────────────────────────────────────────────────────┘
//
// All pointers count frames and wrap at the boundary, a multiple of the buffer. The device gets pieces that end where a
// period does, only of what the program has written, and a few at a time: what it has cannot be rewound. HWPtr
// moves when a piece is done, so it never passes appl_ptr: equal pointers are an underrun.
//
// A program may map the control page and move appl_ptr without a system call. It is hostile: applPtr checks it.
//
// Lock order: Card.mu, Substream.mu (of the playback substream first), user memory, Substream.lock (spin), the
// driver's queues.
//
// First breakpoint: (*Substream).open, (*Substream).write, (*Substream).Elapsed.
package sound
