package sound

import (
	"vitrine/kernel/abi"
	"vitrine/kernel/ksync"
	"vitrine/kernel/sched"
	"vitrine/kernel/vfs"
)

// Core is what the cards of a kernel share.
type Core struct {
	mu    ksync.Mutex
	cards []*Card // by number; guarded by mu

	linkMu ksync.Mutex // who changes Substream.links, or needs them all locked
}

var classCore = &ksync.Class{Name: "sound_core", Rank: ksync.RankPipe}

// Of returns a kernel's Core.
func Of(t *sched.Thread, v *vfs.VFS) *Core {
	return v.Shared(t, "sound", func() any { return newCore() }).(*Core)
}

func newCore() *Core { return &Core{mu: ksync.NewMutex(classCore), linkMu: ksync.NewMutex(classLinks)} }

// Cards returns all cards.
func (c *Core) Cards(t *sched.Thread) []*Card {
	c.mu.Lock(t)
	defer c.mu.Unlock(t)
	return append([]*Card(nil), c.cards...)
}

// Card returns the card with a number, or nil.
func (c *Core) card(t *sched.Thread, number int) *Card {
	for _, x := range c.Cards(t) {
		if x.Number == number {
			return x
		}
	}
	return nil
}

// add makes a card known. The first one brings the devices along that belong to none.
func (c *Core) add(t *sched.Thread, v *vfs.VFS, card *Card) error {
	c.mu.Lock(t)
	c.cards = append(c.cards, card)
	first := len(c.cards) == 1
	c.mu.Unlock(t)
	if !first {
		return nil
	}
	return v.RegisterChar(t, vfs.CharDev{
		Major: abi.SNDRV_MAJOR, Minor: abi.SNDRV_MINOR_TIMER, Name: "snd/timer", Mode: 0o660, GID: audioGroup,
		Open: func(_ *sched.Thread, _ *vfs.Inode, f *vfs.File) (any, error) {
			f.SetStream()
			return newTimerFile(c), nil
		},
	})
}
