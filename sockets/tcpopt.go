package sockets

import (
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/ztstack/ztstack/clock"
	"github.com/ztstack/ztstack/tcp"
)

// SetNoDelay turns Nagle's algorithm off (true, the default) or on.
func (c *TCPConn) SetNoDelay(on bool) error {
	return c.shut("set", func(now clock.Time) {
		c.tcp.Conn().SetNoDelay(now, on)
		c.tcp.Kick()
	})
}

// SetLinger says what Close does with bytes that are queued: with sec < 0 (the default) they are
// delivered in the background, with sec = 0 they are discarded and the connection is reset, with
// sec > 0 they are discarded after that many seconds.
func (c *TCPConn) SetLinger(sec int) error {
	return c.shut("set", func(clock.Time) {
		c.tcp.Conn().SetLinger(sec >= 0, time.Duration(sec)*time.Second)
	})
}

// Defaults of SetKeepAliveConfig, as in package net.
const (
	keepAliveIdle     = 15 * time.Second
	keepAliveInterval = 15 * time.Second
	keepAliveCount    = 9
)

// SetKeepAlive turns keepalive probes on, with package net's default times, or off.
func (c *TCPConn) SetKeepAlive(on bool) error {
	return c.SetKeepAliveConfig(net.KeepAliveConfig{Enable: on})
}

// SetKeepAliveConfig configures keepalive probes. Zero values mean 15 s, 15 s and 9 probes.
func (c *TCPConn) SetKeepAliveConfig(cfg net.KeepAliveConfig) error {
	idle, interval, count := cfg.Idle, cfg.Interval, cfg.Count
	if idle <= 0 {
		idle = keepAliveIdle
	}
	if interval <= 0 {
		interval = keepAliveInterval
	}
	if count <= 0 {
		count = keepAliveCount
	}
	if !cfg.Enable {
		idle = 0
	}
	return c.shut("set", func(now clock.Time) { c.tcp.Conn().SetKeepAlive(now, idle, interval, count) })
}

// SetKeepAlivePeriod turns keepalive probes on with d between them.
func (c *TCPConn) SetKeepAlivePeriod(d time.Duration) error {
	return c.SetKeepAliveConfig(net.KeepAliveConfig{Enable: true, Idle: d, Interval: d})
}

// SetCongestion changes the congestion controller to the one that tcp.CongestionNames calls name; "" means the default.
func (c *TCPConn) SetCongestion(name string) error {
	known := true
	err := c.shut("set", func(now clock.Time) {
		known = c.tcp.Conn().SetCongestion(now, name)
		c.tcp.Kick()
	})
	if !known {
		err = fmt.Errorf("congestion controller %q is unknown: use one of %s", name, strings.Join(tcp.CongestionNames(), ", "))
		return c.opError("set", err)
	}
	return err
}

// Info returns the connection's state and counters. A closed connection has none: the zero Info.
func (c *TCPConn) Info() tcp.Info {
	s := &c.host.shard
	now := s.enter()
	defer s.leave(now)
	if c.tcp == nil {
		return tcp.Info{}
	}
	return c.tcp.Conn().Info()
}
