package rps

import (
	"context"
	"errors"
	"strings"
	"unicode"
)

// The methods of the API (chapter 4).
const (
	MethodRegisterDevice              = "redirect.registerDevice"
	MethodDeRegisterDevice            = "redirect.deRegisterDevice"
	MethodListDevices                 = "redirect.listDevices"
	MethodCheckDevice                 = "redirect.checkDevice"
	MethodRegisterDevices             = "redirect.registerDevices"
	MethodDeRegisterDevices           = "redirect.deRegisterDevices"
	MethodAddServer                   = "redirect.addServer"
	MethodEditDevice                  = "redirect.editDevice"
	MethodRegisterDeviceWithUniqueURL = "redirect.registerDeviceWithUniqueUrl"
	MethodEditDeviceWithUniqueURL     = "redirect.editDeviceWithUniqueUrl"
	MethodCheckDeviceExt              = "redirect.checkDeviceExt"
)

// DeviceStatus is the state of a device in RPS (section 4.5.3).
type DeviceStatus string

const (
	Unregistered        DeviceStatus = "Unregistered"         // bound to no server
	Registered          DeviceStatus = "Registered"           // bound by this account
	RegisteredElsewhere DeviceStatus = "Registered Elsewhere" // by another user
	Unknown             DeviceStatus = "Unknown"              // never added to RPS
)

// RegisterDevice binds a device to a server of the account (section 4.1).
func (c *Client) RegisterDevice(ctx context.Context, mac MAC, server string) error {
	return c.do(ctx, MethodRegisterDevice, "", mac.Bare(), server)
}

// RegisterDeviceOverride is RegisterDevice with a choice of what to do with an
// earlier registration (section 4.2).
func (c *Client) RegisterDeviceOverride(ctx context.Context, mac MAC, server string, override bool) error {
	return c.do(ctx, MethodRegisterDevice, "", mac.Bare(), server, isOverride(override))
}

// DeRegisterDevice removes a device (section 4.3).
func (c *Client) DeRegisterDevice(ctx context.Context, mac MAC) error {
	return c.do(ctx, MethodDeRegisterDevice, "", mac.Bare())
}

// ListDevices returns the devices of the account (section 4.4). The service may
// cut the list short, and entries that are not MACs are left out: a device that
// is not in it may be registered all the same.
func (c *Client) ListDevices(ctx context.Context) ([]MAC, error) {
	a, err := c.call(ctx, MethodListDevices, "")
	if errors.Is(err, NoDevices) {
		return nil, nil
	}
	return a.macs, err
}

// CheckDevice returns the status of a device (section 4.5).
func (c *Client) CheckDevice(ctx context.Context, mac MAC) (DeviceStatus, error) {
	a, err := c.call(ctx, MethodCheckDevice, "", mac.Bare())
	return a.status, err
}

// RegisterDevices binds devices to a server of the account (section 4.6).
// Whether a refused call binds some of them is not known.
func (c *Client) RegisterDevices(ctx context.Context, macs []MAC, server string) error {
	return c.do(ctx, MethodRegisterDevices, "", bare(macs), server)
}

// RegisterDevicesOverride is RegisterDevices with a choice of what to do with
// earlier registrations (section 4.7).
func (c *Client) RegisterDevicesOverride(ctx context.Context, macs []MAC, server string, override bool) error {
	return c.do(ctx, MethodRegisterDevices, "", bare(macs), server, isOverride(override))
}

// DeRegisterDevices removes devices (section 4.8). Whether a refused call
// removes some of them is not known.
func (c *Client) DeRegisterDevices(ctx context.Context, macs []MAC) error {
	return c.do(ctx, MethodDeRegisterDevices, "", bare(macs))
}

// AddServer adds a configuration server to the account (section 4.9).
func (c *Client) AddServer(ctx context.Context, name, url string) error {
	return c.do(ctx, MethodAddServer, url, name, url)
}

// EditDevice binds a registered device to another server (section 4.10).
func (c *Client) EditDevice(ctx context.Context, mac MAC, server string) error {
	return c.do(ctx, MethodEditDevice, "", mac.Bare(), server)
}

// EditDeviceOverride is section 4.11.
//
// Deprecated: the service will withdraw it; use EditDevice.
func (c *Client) EditDeviceOverride(ctx context.Context, mac MAC, server string, override bool) error {
	return c.do(ctx, MethodEditDevice, "", mac.Bare(), server, isOverride(override))
}

// RegisterDeviceWithUniqueURL binds a device to a URL of its own, which takes
// precedence over the server (section 4.12).
func (c *Client) RegisterDeviceWithUniqueURL(ctx context.Context, mac MAC, server, url string) error {
	return c.do(ctx, MethodRegisterDeviceWithUniqueURL, url, mac.Bare(), server, url)
}

// RegisterDeviceWithUniqueURLOverride is RegisterDeviceWithUniqueURL with a
// choice of what to do with an earlier registration (section 4.15).
func (c *Client) RegisterDeviceWithUniqueURLOverride(ctx context.Context, mac MAC, server, url string, override bool) error {
	return c.do(ctx, MethodRegisterDeviceWithUniqueURL, url, mac.Bare(), server, url, isOverride(override))
}

// EditDeviceWithUniqueURL binds a registered device to a URL of its own, which
// takes precedence over the server (section 4.13).
func (c *Client) EditDeviceWithUniqueURL(ctx context.Context, mac MAC, server, url string) error {
	return c.do(ctx, MethodEditDeviceWithUniqueURL, url, mac.Bare(), server, url)
}

// EditDeviceWithUniqueURLOverride is section 4.16.
//
// Deprecated: the service will withdraw it; use EditDeviceWithUniqueURL.
func (c *Client) EditDeviceWithUniqueURLOverride(ctx context.Context, mac MAC, server, url string, override bool) error {
	return c.do(ctx, MethodEditDeviceWithUniqueURL, url, mac.Bare(), server, url, isOverride(override))
}

// CheckDeviceExt returns the status of a device and, if it is Registered, the
// URL that it is sent to (section 4.14); "" if the service does not say.
func (c *Client) CheckDeviceExt(ctx context.Context, mac MAC) (DeviceStatus, string, error) {
	a, err := c.call(ctx, MethodCheckDeviceExt, "", mac.Bare())
	return a.status, a.url, err
}

// do makes a call that is answered with OK.
func (c *Client) do(ctx context.Context, method, url string, args ...any) error {
	_, err := c.call(ctx, method, url, args...)
	return err
}

func bare(macs []MAC) []string {
	texts := make([]string, len(macs))
	for i, mac := range macs {
		texts[i] = mac.Bare()
	}
	return texts
}

func isOverride(yes bool) string {
	if yes {
		return "1"
	}
	return "0"
}

// parseStatus reads the text of a status, by its letters. It does not guess:
// "Registered at last" is not Registered.
func parseStatus(text string) (DeviceStatus, bool) {
	for _, status := range []DeviceStatus{Unregistered, Registered, RegisteredElsewhere, Unknown} {
		if strings.EqualFold(letters(text), letters(string(status))) {
			return status, true
		}
	}
	return "", false
}

// letters returns a text without white space and punctuation.
func letters(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) || unicode.IsPunct(r) {
			return -1
		}
		return r
	}, text)
}
