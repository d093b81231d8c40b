// Package virtq is the split virtqueue of OASIS virtio 1.2 (section 2.7), both
// ends: Queue is the driver's, DeviceQueue the device's. They share nothing but
// the guest's RAM, and neither believes the other.
//
//	  driver writes                            device writes
//	┌──────────────────────────┐             ┌────────────────────────────┐
//	│ available ring           │             │ used ring                  │
//	│ flags idx ring[] used_ev │             │ flags idx ring[] avail_ev  │
//	└───────────│──────────────┘             └──────────────│─────────────┘
//	            ▼ head of a chain                           ▼ head, bytes written
//	┌──────────────────────────────────────────────────────────────────────┐
//	│ descriptor table   {addr len flags next} → {…} → {…}                 │
//	└──────────│───────────────────────│───────────────────────────────────┘
//	           ▼ readable first        ▼ then writable
//	       request bytes           reply bytes                (guest RAM)
//
// The way of a buffer: Queue.Add, Queue.Publish, a kick if it says so;
// DeviceQueue.Pop, read and write the Chain, DeviceQueue.Push, an interrupt if
// NeedInterrupt says so; Queue.Get.
//
// What is not believed. The device copies each descriptor once and checks
// address, length, order and the chain's end before it uses anything; a chain
// that breaks a rule is an error and the device then asks for a reset. The
// driver keeps its own copy of every chain and takes from the used ring only
// a head that is in flight and a length that fits.
//
// Neither end locks: the owner of an end serialises its calls.
//
// First breakpoint: (*DeviceQueue).Pop.
package virtq
