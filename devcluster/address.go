package main

import (
	"net/netip"
	"sync"

	"k8s.io/client-go/tools/cache"
)

// An addressPool gives each pod an address of its own.
type addressPool struct {
	mutex sync.Mutex
	next  netip.Addr
	given map[cache.ObjectName]netip.Addr
}

func newAddressPool() *addressPool {
	// Never used again, and 10.128.0.0/9 holds eight million.
	return &addressPool{next: netip.MustParseAddr("10.128.0.1"), given: map[cache.ObjectName]netip.Addr{}}
}

func (p *addressPool) of(pod cache.ObjectName) string {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	address, ok := p.given[pod]
	if !ok {
		address = p.next
		p.given[pod] = address
		p.next = address.Next()
	}
	return address.String()
}

func (p *addressPool) release(pod cache.ObjectName) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	delete(p.given, pod)
}
