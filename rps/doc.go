// Package rps is a client of Yealink's Redirection and Provisioning Service.
package rps
