// Package sound is the sound core: cards with PCM substreams, which programs reach by ALSA (/dev/snd) and by OSS
// (/dev/dsp), and which a driver feeds a device from.
//
//	aplay                       sox -t oss
//	  │ ioctl, write, mmap        │ ioctl, write
//	┌─▼───────────────┐  ┌────────▼──────┐
//	│ pcmFile         │  │ dspFile       │   files; a substream has one at a time, or several with O_APPEND
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
// Streams that are not interleaved and playback that runs freely, as dmix has it, go by a copy: see shadow.go. links are
// streams that start and stop together.
//
//	Card ── Control: volumes and switches ── ctlFile (/dev/snd/controlC0), mixerFile (/dev/mixer)
//	Core ── cards, and timerFile (/dev/snd/timer) ── timerQueue ◀── a Substream's periods, or the clock
//
// A program may map the control page and move appl_ptr without a system call. It is hostile: applPtr checks it.
//
// Lock order: Core.linkMu, Core.mu or Card.mu or a file's, Substream.mu (by card, playback first), user memory, Substream.lock
// (spin), timerQueue.mu (spin) or the driver's queues.
//
// First breakpoint: (*Substream).open, (*Substream).write, (*Substream).Elapsed; (*Card).setValues.
package sound
