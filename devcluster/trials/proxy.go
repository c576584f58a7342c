package main

import (
	"net"
	"sync"
)

// A proxy is the network between one replica and the API server. It can be cut and connections can be reset.
type proxy struct {
	listener net.Listener
	target   string
	mutex    sync.Mutex
	isCut    bool
	links    map[*link]bool
}

// A link is a connection through the proxy.
type link struct {
	near, far net.Conn
}

func startProxy(target string) (*proxy, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	p := &proxy{listener: listener, target: target, links: map[*link]bool{}}
	go p.accept()
	return p, nil
}

func (p *proxy) address() string { return p.listener.Addr().String() }

// cut loses every byte from now on, both ways. Connections stay open, as when a cable is pulled.
func (p *proxy) cut() {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	p.isCut = true
}

// heal lets new connections through. What was under way is lost with its connection.
func (p *proxy) heal() {
	p.reset()
	p.mutex.Lock()
	defer p.mutex.Unlock()
	p.isCut = false
}

// reset breaks all connections.
func (p *proxy) reset() {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	for l := range p.links {
		l.close()
	}
	clear(p.links)
}

func (p *proxy) stop() {
	p.listener.Close()
	p.reset()
}

func (p *proxy) accept() {
	for {
		near, err := p.listener.Accept()
		if err != nil {
			return
		}
		l := &link{near: near}
		if !p.cutNow() {
			if l.far, err = net.Dial("tcp", p.target); err != nil {
				l.close() // the API server is away
				continue
			}
		}
		p.mutex.Lock()
		p.links[l] = true
		p.mutex.Unlock()
		go p.pass(l, near, l.far)
		if l.far != nil {
			go p.pass(l, l.far, near)
		}
	}
}

func (p *proxy) cutNow() bool {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	return p.isCut
}

func (p *proxy) pass(l *link, from, to net.Conn) {
	buffer := make([]byte, 64*1024)
	for {
		n, err := from.Read(buffer)
		cut := p.cutNow()
		if n > 0 && to != nil && !cut {
			if _, failed := to.Write(buffer[:n]); failed != nil {
				break
			}
		}
		if err != nil {
			if cut {
				return // nor does the end of one side reach the other
			}
			break
		}
	}
	p.mutex.Lock()
	delete(p.links, l)
	p.mutex.Unlock()
	l.close()
}

// close resets both sides: what they have not received yet is lost.
func (l *link) close() {
	for _, side := range []net.Conn{l.near, l.far} {
		if tcp, ok := side.(*net.TCPConn); ok && tcp != nil {
			_ = tcp.SetLinger(0)
			tcp.Close()
		}
	}
}
