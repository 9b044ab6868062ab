package tray

import (
	"bytes"
	"image"
	"image/color"
	"image/png"
	"math"
)

// iconSize is the side of an icon in pixels: twice that of a menu bar.
const iconSize = 44

// Icon draws the prism of a state as PNG. The states differ in form, not in colour alone. With
// template it is black, for desktops that colour icons themselves.
func Icon(s State, template bool) []byte {
	ink := colourOf(s)
	if template {
		ink = color.NRGBA{A: 0xff}
	}
	img := image.NewNRGBA(image.Rect(0, 0, iconSize, iconSize))
	for y := range iconSize {
		for x := range iconSize {
			img.SetNRGBA(x, y, color.NRGBA{ink.R, ink.G, ink.B, coverage(s, x, y)})
		}
	}
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		return nil // a buffer takes everything
	}
	return b.Bytes()
}

// colourOf is readable on light panels and on dark ones.
func colourOf(s State) color.NRGBA {
	switch s {
	case OK:
		return color.NRGBA{0x2e, 0x9e, 0x8f, 0xff}
	case Degraded, Over:
		return color.NRGBA{0xd9, 0x8a, 0x1a, 0xff}
	case Down, Rejected:
		return color.NRGBA{0xd8, 0x4a, 0x3a, 0xff}
	case Stopped:
	}
	return color.NRGBA{0x8a, 0x8f, 0x98, 0xff}
}

// samples is how often a pixel is looked at in each direction.
const samples = 4

// coverage is how much of a pixel is ink, from 0 to 255.
func coverage(s State, x, y int) uint8 {
	n := 0
	for i := range samples {
		for j := range samples {
			px := (float64(x) + (float64(i)+0.5)/samples) / iconSize
			py := (float64(y) + (float64(j)+0.5)/samples) / iconSize
			if inked(s, px, py) {
				n++
			}
		}
	}
	return uint8(n * 255 / (samples * samples))
}

// inked tells whether a point of the unit square, whose y grows downwards, is part of the picture.
func inked(s State, x, y float64) bool {
	const line = 0.075
	d := depth(x, y)
	if d < 0 {
		return false
	}
	outline := d < line
	switch s {
	case OK:
		return true
	case Degraded: // half full
		return outline || y > 0.62
	case Down: // empty, with a stroke
		return outline || math.Abs(y-x-0.12) < line/1.4
	case Rejected: // an exclamation mark cut out
		bar := math.Abs(x-0.5) < 0.055 && y > 0.38 && y < 0.64
		dot := math.Abs(x-0.5) < 0.055 && y > 0.70 && y < 0.80
		return !bar && !dot
	case Over: // full up to a gap below the top
		return y < 0.48 || y > 0.58
	case Stopped: // empty
	}
	return outline
}

// depth is how far inside the triangle a point is; negative outside.
func depth(x, y float64) float64 {
	const top, bottom, half = 0.08, 0.90, 0.47
	slope := half / (bottom - top)
	norm := math.Sqrt(1 + slope*slope)
	left := ((x - 0.5) + (y-top)*slope) / norm
	right := ((0.5 - x) + (y-top)*slope) / norm
	return min(left, right, bottom-y)
}
