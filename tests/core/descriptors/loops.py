"""Descriptors as slow, obvious loops: what the fast ones are compared with."""

import math

import numpy as np


def slow_s2(image):
    height, width = image.shape
    out = np.zeros(image.shape)
    for dy in range(height):
        for dx in range(width):
            for y in range(height):
                for x in range(width):
                    out[dy, dx] += int(image[y, x]) * int(image[(y + dy) % height, (x + dx) % width])
    return out / image.size


def slow_radial(plane):
    """[(mean distance, mean S2)] by integer-rounded shortest distance."""
    height, width = plane.shape
    bins = [[] for _ in range(min(plane.shape) // 2 + 1)]
    for dy in range(height):
        for dx in range(width):
            distance = math.hypot(min(dy, height - dy), min(dx, width - dx))
            if round(distance) < len(bins):
                bins[round(distance)].append((distance, plane[dy, dx]))
    return np.array([np.mean(b, axis=0) for b in bins]), [len(b) for b in bins]


def lines(image):
    return [list(row) for row in image] + [list(column) for column in image.T]


def slow_lineal(image, phase, longest):
    out = np.zeros(longest + 1)
    for line in lines(image):
        for start in range(len(line)):
            for r in range(longest + 1):
                out[r] += all(line[(start + i) % len(line)] == phase for i in range(r + 1))
    return out / (2 * image.size)


def slow_chords(image, phase):
    """Lengths of all maximal periodic runs of the phase that have ends."""
    out = []
    for line in lines(image):
        for start in range(len(line)):
            if line[start] == phase and line[start - 1] != phase:
                length = 0
                while line[(start + length) % len(line)] == phase:
                    length += 1
                out.append(length)
    return out


def slow_components(mask, diagonal):
    """Number of connected pieces of a mask in the plane (not periodic), by flood fill."""
    left = {tuple(p) for p in np.argwhere(mask)}
    near = [(0, 1), (1, 0), (0, -1), (-1, 0)] + ([(1, 1), (1, -1), (-1, 1), (-1, -1)] if diagonal else [])
    pieces = 0
    while left:
        pieces, stack = pieces + 1, [left.pop()]
        while stack:
            y, x = stack.pop()
            for dy, dx in near:
                if (y + dy, x + dx) in left:
                    left.remove((y + dy, x + dx))
                    stack.append((y + dy, x + dx))
    return pieces
