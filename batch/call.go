package batch

import (
	"context"
	"errors"

	"github.com/RoaringBitmap/roaring/v2/roaring64"

	"rpsbatch/rps"
)

// Service is what a run needs of rps.Client. Its errors are *rps.Error.
type Service interface {
	ListDevices(ctx context.Context) ([]rps.MAC, error)
	CheckDeviceExt(ctx context.Context, mac rps.MAC) (rps.DeviceStatus, string, error)
	RegisterDevices(ctx context.Context, macs []rps.MAC, server string) error
	RegisterDevicesOverride(ctx context.Context, macs []rps.MAC, server string, override bool) error
	RegisterDeviceWithUniqueURL(ctx context.Context, mac rps.MAC, server, url string) error
	RegisterDeviceWithUniqueURLOverride(ctx context.Context, mac rps.MAC, server, url string, override bool) error
	DeRegisterDevices(ctx context.Context, macs []rps.MAC) error
	EditDevice(ctx context.Context, mac rps.MAC, server string) error
	EditDeviceWithUniqueURL(ctx context.Context, mac rps.MAC, server, url string) error
	AddServer(ctx context.Context, name, url string) error
}

// perform makes the call of a task.
func perform(ctx context.Context, service Service, t task) answer {
	var ans answer
	var err error
	switch t := t.(type) {
	case change:
		err = methods[t.call].of(t.url).do(ctx, service, t)
	case lookup:
		if t.why == forList {
			var devices []rps.MAC
			if devices, err = service.ListDevices(ctx); err == nil {
				ans.devices = roaring64.New()
				for _, mac := range devices {
					ans.devices.Add(mac.Uint64())
				}
			}
			break
		}
		ans.status, ans.url, err = service.CheckDeviceExt(ctx, t.mac)
	}
	if err != nil && !errors.As(err, &ans.err) {
		ans.err = &rps.Error{Kind: rps.Unreadable, Err: err}
	}
	return ans
}

// methods maps each change to its method: by the server's name, or with a unique
// URL, which is a method of its own and takes one device.
var methods = [...]ways{
	callRegister: {
		method{"registerDevices", func(ctx context.Context, s Service, c change) error {
			return s.RegisterDevices(ctx, c.macs(), c.server)
		}},
		method{"registerDeviceWithUniqueUrl", func(ctx context.Context, s Service, c change) error {
			return s.RegisterDeviceWithUniqueURL(ctx, c.items[0].mac, c.server, c.url)
		}},
	},
	callOverride: {
		method{"registerDevices", func(ctx context.Context, s Service, c change) error {
			return s.RegisterDevicesOverride(ctx, c.macs(), c.server, true)
		}},
		method{"registerDeviceWithUniqueUrl", func(ctx context.Context, s Service, c change) error {
			return s.RegisterDeviceWithUniqueURLOverride(ctx, c.items[0].mac, c.server, c.url, true)
		}},
	},
	callDeregister: {byServer: method{"deRegisterDevices", func(ctx context.Context, s Service, c change) error {
		return s.DeRegisterDevices(ctx, c.macs())
	}}},
	callEdit: {
		method{"editDevice", func(ctx context.Context, s Service, c change) error {
			return s.EditDevice(ctx, c.items[0].mac, c.server)
		}},
		method{"editDeviceWithUniqueUrl", func(ctx context.Context, s Service, c change) error {
			return s.EditDeviceWithUniqueURL(ctx, c.items[0].mac, c.server, c.url)
		}},
	},
	callAddServer: {byURL: method{"addServer", func(ctx context.Context, s Service, c change) error {
		return s.AddServer(ctx, c.server, c.url)
	}}},
}

// A method is one of the guide's, without "redirect.".
type method struct {
	name string
	do   func(context.Context, Service, change) error
}

// ways are the methods for one call.
type ways struct{ byServer, byURL method }

func (w ways) of(url string) method {
	if w.byURL.do != nil && (url != "" || w.byServer.do == nil) {
		return w.byURL
	}
	return w.byServer
}
