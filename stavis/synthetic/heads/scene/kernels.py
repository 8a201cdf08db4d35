"""The inner loops of the renderer, compiled by numba when they are first used: z-buffer, normals, surface, light.

They are plain functions of arrays; nothing is reordered for speed, so that the same input gives the same pixels. Screen y points down,
pixel centres lie at whole numbers, and depth grows towards the viewer.
"""

import importlib
from functools import lru_cache
from types import SimpleNamespace

import numpy as np

from stavis.lazy_names import missing

FACE, HEAD, EYE, CLOTH, HAIR, TEETH, GUMS, MOUTH = range(8)
"""What a triangle is part of."""
HAND, CUP = 10, 11
"""What is held before a face is part of; 8 and 9 are the gloss of lips and beards."""

ONE, ZERO, HALF, EDGE, TINY = np.float32(1), np.float32(0), np.float32(0.5), np.float32(-1e-4), np.float32(1e-9)


@lru_cache(maxsize=1)
def compiled() -> SimpleNamespace:
    """The loops below, compiled: `compiled().rasterise(...)`.

    Raises StavisError where numba is not installed.
    """
    try:
        numba = importlib.import_module("numba")
    except ImportError as error:
        raise missing("numba", "rendering heads in three dimensions") from error
    loops = (blend, place, find_normals, rasterise, rasterise_depth, find_surface, find_shadow, find_light, wet_eyes, develop)
    return SimpleNamespace(**{loop.__name__: _compiled(numba, loop) for loop in loops})


def _compiled(numba, loop):
    try:
        return numba.njit(cache=True)(loop)
    except RuntimeError:  # no folder to keep what was compiled in
        return numba.njit(loop)


def blend(base, values, index, start, weights, out):
    """out (n,3) = base + the sum of weights (K,) times sparse offsets: values (N,3), index (N,), start (K+1,)."""
    out[:] = base
    for k in range(len(weights)):
        w = weights[k]
        if w != 0:
            for i in range(start[k], start[k + 1]):
                v = index[i]
                out[v, 0] += w * values[i, 0]
                out[v, 1] += w * values[i, 1]
                out[v, 2] += w * values[i, 2]


def place(points, sway, setback, head, body, view, seen, screen):
    """Points (n,3) in cm to the viewer's space `seen` (n,3) and to `screen` (n,3): px, px, depth.

    head, body (3,4): rotation and shift, mixed by sway (n,) in [0,1]; setback (n,) is taken off the depth; view: distance, focal length
    px, centre x, centre y.
    """
    for i in range(len(points)):
        x, y, z = points[i, 0], points[i, 1], points[i, 2]
        s = sway[i]
        for k in range(3):
            h = head[k, 0] * x + head[k, 1] * y + head[k, 2] * z + head[k, 3]
            if s > 0:
                b = body[k, 0] * x + body[k, 1] * y + body[k, 2] * z + body[k, 3]
                h += s * (b - h)
            seen[i, k] = h
        seen[i, 2] -= view[0]
        depth = max(-seen[i, 2], ONE)
        screen[i, 0] = view[2] + view[1] * seen[i, 0] / depth
        screen[i, 1] = view[3] - view[1] * seen[i, 1] / depth
        screen[i, 2] = seen[i, 2] - setback[i]


def find_normals(points, triangles, out):
    """Unit normals (n,3) of the vertices of a mesh."""
    out[:] = 0
    for t in range(len(triangles)):
        i, j, k = triangles[t, 0], triangles[t, 1], triangles[t, 2]
        ax, ay, az = points[j, 0] - points[i, 0], points[j, 1] - points[i, 1], points[j, 2] - points[i, 2]
        bx, by, bz = points[k, 0] - points[i, 0], points[k, 1] - points[i, 1], points[k, 2] - points[i, 2]
        nx, ny, nz = ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx
        for v in (i, j, k):
            out[v, 0] += nx
            out[v, 1] += ny
            out[v, 2] += nz
    for v in range(len(out)):
        length = np.sqrt(out[v, 0] ** 2 + out[v, 1] ** 2 + out[v, 2] ** 2) + np.float32(1e-12)
        out[v, 0] /= length
        out[v, 1] /= length
        out[v, 2] /= length


def rasterise(screen, triangles, both_sides, count, depth, nearest, first, second):
    """The nearest of the first `count` triangles at each pixel (-1 = none) and the weights there of its first and second corner."""
    height, width = depth.shape
    depth[:] = -1e9
    nearest[:] = -1
    for t in range(count):
        i, j, k = triangles[t, 0], triangles[t, 1], triangles[t, 2]
        x0, y0, x1, y1, x2, y2 = screen[i, 0], screen[i, 1], screen[j, 0], screen[j, 1], screen[k, 0], screen[k, 1]
        area = (x1 - x0) * (y2 - y0) - (x2 - x0) * (y1 - y0)
        if abs(area) < TINY or (area > ZERO and both_sides[t] == 0):
            continue
        left, right = max(int(np.ceil(min(x0, x1, x2))), 0), min(int(np.floor(max(x0, x1, x2))), width - 1)
        top, bottom = max(int(np.ceil(min(y0, y1, y2))), 0), min(int(np.floor(max(y0, y1, y2))), height - 1)
        if left > right or top > bottom:
            continue
        inverse = ONE / area
        z0, z1, z2 = screen[i, 2], screen[j, 2], screen[k, 2]
        step0, step1 = (y1 - y2) * inverse, (y2 - y0) * inverse
        fx = np.float32(left)
        for y in range(top, bottom + 1):
            fy = np.float32(y)
            w0 = ((x1 - fx) * (y2 - fy) - (x2 - fx) * (y1 - fy)) * inverse
            w1 = ((x2 - fx) * (y0 - fy) - (x0 - fx) * (y2 - fy)) * inverse
            for x in range(left, right + 1):
                w2 = ONE - w0 - w1
                if w0 >= EDGE and w1 >= EDGE and w2 >= EDGE:
                    z = w0 * z0 + w1 * z1 + w2 * z2
                    if z > depth[y, x]:
                        depth[y, x] = z
                        nearest[y, x] = t
                        first[y, x] = w0
                        second[y, x] = w1
                w0 += step0
                w1 += step1


def rasterise_depth(seen, axes, corner, scale, triangles, depth):
    """The depth (H,W) of a mesh seen from a lamp: axes (3,3) are across, up and towards it; corner (2,) cm, scale px a cm."""
    height, width = depth.shape
    depth[:] = -1e9
    flat = np.empty((len(seen), 3), np.float32)
    for i in range(len(seen)):
        for k in range(3):
            flat[i, k] = seen[i, 0] * axes[k, 0] + seen[i, 1] * axes[k, 1] + seen[i, 2] * axes[k, 2]
        flat[i, 0] = (flat[i, 0] - corner[0]) * scale
        flat[i, 1] = (flat[i, 1] - corner[1]) * scale
    for t in range(len(triangles)):
        i, j, k = triangles[t, 0], triangles[t, 1], triangles[t, 2]
        x0, y0, x1, y1, x2, y2 = flat[i, 0], flat[i, 1], flat[j, 0], flat[j, 1], flat[k, 0], flat[k, 1]
        area = (x1 - x0) * (y2 - y0) - (x2 - x0) * (y1 - y0)
        if area < TINY:
            continue
        left, right = max(int(np.ceil(min(x0, x1, x2))), 0), min(int(np.floor(max(x0, x1, x2))), width - 1)
        top, bottom = max(int(np.ceil(min(y0, y1, y2))), 0), min(int(np.floor(max(y0, y1, y2))), height - 1)
        inverse = ONE / area
        fx = np.float32(left)
        step0, step1 = (y1 - y2) * inverse, (y2 - y0) * inverse
        for y in range(top, bottom + 1):
            fy = np.float32(y)
            w0 = ((x1 - fx) * (y2 - fy) - (x2 - fx) * (y1 - fy)) * inverse
            w1 = ((x2 - fx) * (y0 - fy) - (x0 - fx) * (y2 - fy)) * inverse
            for x in range(left, right + 1):
                w2 = ONE - w0 - w1
                if w0 >= EDGE and w1 >= EDGE and w2 >= EDGE:
                    depth[y, x] = max(depth[y, x], w0 * flat[i, 2] + w1 * flat[j, 2] + w2 * flat[k, 2])
                w0 += step0
                w1 += step1


def find_surface(nearest, first, second, triangles, uv_triangles, uv, parts, colours, texture, material, folds, fold_weights, radius,
                 iris, gloss, out):  # fmt: skip
    """What each pixel is made of: out (H,W,6) float32 linear RGB, strength and width of the gloss, softness of the skin.

    iris: RGB, radius, pupil, RGB of the white, strength of the limbus, redness.
    gloss: (12,3) strength, exponent and softness of the 8 parts, of lips, beard, hands and cups.
    """
    height, width = nearest.shape
    side = texture.shape[0]
    for y in range(height):
        for x in range(width):
            t = nearest[y, x]
            if t < 0:
                continue
            w0, w1 = first[y, x], second[y, x]
            w2 = ONE - w0 - w1
            part = parts[t]
            kind = part
            i, j, k = triangles[t, 0], triangles[t, 1], triangles[t, 2]
            if part == 0:
                a, b, c = uv_triangles[t, 0], uv_triangles[t, 1], uv_triangles[t, 2]
                u = min(max(w0 * uv[a, 0] + w1 * uv[b, 0] + w2 * uv[c, 0], ZERO), np.float32(side - 1.001))
                v = min(max(w0 * uv[a, 1] + w1 * uv[b, 1] + w2 * uv[c, 1], ZERO), np.float32(side - 1.001))
                ix, iy = int(u), int(v)
                fx, fy = u - np.float32(ix), v - np.float32(iy)
                c00, c10, c01, c11 = (ONE - fx) * (ONE - fy), fx * (ONE - fy), (ONE - fx) * fy, fx * fy
                dark = ONE
                if folds[iy, ix, 0] > 0:
                    dark = ZERO
                    for q in range(len(fold_weights)):
                        dark += fold_weights[q] * np.float32(folds[iy, ix, q + 1])
                    dark = ONE - min(dark * np.float32(1 / 255), np.float32(0.75))
                for q in range(3):
                    s = (
                        c00 * texture[iy, ix, q]
                        + c10 * texture[iy, ix + 1, q]
                        + c01 * texture[iy + 1, ix, q]
                        + c11 * texture[iy + 1, ix + 1, q]
                    )
                    out[y, x, q] = s * (dark * np.float32(0.93) + np.float32(0.07) if q == 0 else dark)
                if material[iy, ix] > 0:
                    kind = 7 + material[iy, ix]
            elif part == 2:
                e = w0 * radius[i] + w1 * radius[j] + w2 * radius[k]
                red = min(max((e - np.float32(0.75)) * np.float32(1.2), ZERO), ONE)
                inside = min(max((iris[3] - e) * np.float32(14), ZERO), ONE)
                ring = ONE - iris[8] * min(max((e / iris[3] - np.float32(0.72)) * np.float32(4), ZERO), ONE)
                pupil = ring * min(max((e - iris[4]) * np.float32(16), ZERO), ONE)
                for q in range(3):
                    white = iris[5 + q] * (ONE if q == 0 else ONE - iris[9] * red)
                    out[y, x, q] = white * (ONE - inside) + inside * iris[q] * pupil
            else:
                for q in range(3):
                    out[y, x, q] = w0 * colours[i, q] + w1 * colours[j, q] + w2 * colours[k, q]
            for q in range(3):
                out[y, x, 3 + q] = gloss[kind, q]
            if part == 2:
                out[y, x, 3] *= ONE - inside  # what the cornea reflects comes from `wet_eyes`


def find_shadow(nearest, first, second, triangles, seen, distance, depth, axes, corner, scale, dark, visible):
    """How much of the first lamp reaches each pixel, (H,W) in [0,1], by the depth map that `rasterise_depth` made."""
    height, width = nearest.shape
    side = depth.shape[0]
    for y in range(height):
        for x in range(width):
            t = nearest[y, x]
            visible[y, x] = ONE
            if t < 0 or dark <= 0:
                continue
            w0, w1 = first[y, x], second[y, x]
            w2 = ONE - w0 - w1
            i, j, k = triangles[t, 0], triangles[t, 1], triangles[t, 2]
            px = w0 * seen[i, 0] + w1 * seen[j, 0] + w2 * seen[k, 0]
            py = w0 * seen[i, 1] + w1 * seen[j, 1] + w2 * seen[k, 1]
            pz = w0 * seen[i, 2] + w1 * seen[j, 2] + w2 * seen[k, 2] + distance
            u = (px * axes[0, 0] + py * axes[0, 1] + pz * axes[0, 2] - corner[0]) * scale
            v = (px * axes[1, 0] + py * axes[1, 1] + pz * axes[1, 2] - corner[1]) * scale
            near = px * axes[2, 0] + py * axes[2, 1] + pz * axes[2, 2] + np.float32(0.35)
            a, b = int(u), int(v)
            if 1 <= a < side - 2 and 1 <= b < side - 2:
                fu, fv = u - np.float32(a), v - np.float32(b)
                top = (ONE - fu if depth[b, a] > near else ZERO) + (fu if depth[b, a + 1] > near else ZERO)
                low = (ONE - fu if depth[b + 1, a] > near else ZERO) + (fu if depth[b + 1, a + 1] > near else ZERO)
                visible[y, x] = ONE - dark * (top * (ONE - fv) + low * fv)


def find_light(nearest, first, second, triangles, seen, normals, surface, open_sky, sky, lamps, wrap, visible, out):
    """The light that leaves each pixel: out (H,W,4) float32 linear RGB and coverage.

    open_sky (H,W) in [0,1] is what of the surroundings lights a pixel; sky (2,3) from above and below; lamps (K,6) directions and RGB;
    visible (H,W) is what of the first lamp does.
    """
    got = np.empty(6, np.float32)
    for y in range(nearest.shape[0]):
        for x in range(nearest.shape[1]):
            t = nearest[y, x]
            if t < 0:
                out[y, x] = 0
                continue
            w0, w1 = first[y, x], second[y, x]
            w2 = ONE - w0 - w1
            i, j, k = triangles[t, 0], triangles[t, 1], triangles[t, 2]
            nx = w0 * normals[i, 0] + w1 * normals[j, 0] + w2 * normals[k, 0]
            ny = w0 * normals[i, 1] + w1 * normals[j, 1] + w2 * normals[k, 1]
            nz = w0 * normals[i, 2] + w1 * normals[j, 2] + w2 * normals[k, 2]
            vx = -(w0 * seen[i, 0] + w1 * seen[j, 0] + w2 * seen[k, 0])
            vy = -(w0 * seen[i, 1] + w1 * seen[j, 1] + w2 * seen[k, 1])
            vz = -(w0 * seen[i, 2] + w1 * seen[j, 2] + w2 * seen[k, 2])
            near = ONE / np.sqrt(vx * vx + vy * vy + vz * vz)
            vx, vy, vz = vx * near, vy * near, vz * near
            n = ONE / (np.sqrt(nx * nx + ny * ny + nz * nz) + np.float32(1e-9))
            n = -n if nx * vx + ny * vy + nz * vz < 0 else n
            nx, ny, nz = nx * n, ny * n, nz * n
            strength, exponent, soft = surface[y, x, 3], surface[y, x, 4], surface[y, x, 5]
            up = HALF + HALF * ny
            for q in range(3):
                got[q] = (sky[0, q] * up + sky[1, q] * (ONE - up)) * open_sky[y, x]
                got[3 + q] = ZERO
            for lamp in range(len(lamps)):
                dx, dy, dz = lamps[lamp, 0], lamps[lamp, 1], lamps[lamp, 2]
                facing = nx * dx + ny * dy + nz * dz
                wr = wrap[lamp] * soft
                if facing <= -wr:
                    continue
                part = (np.float32(0.35) + np.float32(0.65) * open_sky[y, x]) * (visible[y, x] if lamp == 0 else ONE)
                for q in range(3):
                    w = wr * (ONE if q == 0 else np.float32(0.55))
                    got[q] += max((facing + w) / (ONE + w), ZERO) * lamps[lamp, 3 + q] * part
                if strength > 0 and facing > 0:
                    hx, hy, hz = dx + vx, dy + vy, dz + vz
                    along = max((nx * hx + ny * hy + nz * hz) / np.sqrt(hx * hx + hy * hy + hz * hz), ZERO)
                    shine = max(ONE - (ONE - along) * exponent * np.float32(0.25), ZERO)  # about along ** exponent
                    shine *= shine
                    shine *= shine * strength * part * np.float32(0.1) * (exponent * np.float32(0.15) + ONE)
                    for q in range(3):
                        got[3 + q] += shine * lamps[lamp, 3 + q]
            for q in range(3):
                out[y, x, q] = surface[y, x, q] * got[q] + got[3 + q]
            out[y, x, 3] = ONE


def wet_eyes(nearest, first, second, triangles, parts, radius, seen, open_sky, visible, corneas, edge, sky, lamps, axes,
             window, step, tears, out):  # fmt: skip
    """The light that eyes reflect, added to out (H,W,4): a window in the first lamp's direction, the other lamps, and the sky in the
    tears along the lower lid.

    corneas (2,3): middles of the corneas' spheres, to `edge` cm from an eye's axis; axes (3,3) of the first lamp; window: half its width
    and height as slopes, brightness; step: cm a px; tears in [0,1].
    """
    height, width = nearest.shape
    for y in range(height):
        for x in range(width):
            t = nearest[y, x]
            if t < 0 or parts[t] != 2:
                continue
            w0, w1 = first[y, x], second[y, x]
            w2 = ONE - w0 - w1
            i, j, k = triangles[t, 0], triangles[t, 1], triangles[t, 2]
            px = w0 * seen[i, 0] + w1 * seen[j, 0] + w2 * seen[k, 0]
            py = w0 * seen[i, 1] + w1 * seen[j, 1] + w2 * seen[k, 1]
            pz = w0 * seen[i, 2] + w1 * seen[j, 2] + w2 * seen[k, 2]
            open_here = open_sky[y, x]
            if w0 * radius[i] + w1 * radius[j] + w2 * radius[k] < edge:
                c = 0 if abs(corneas[0, 0] - px) < abs(corneas[1, 0] - px) else 1
                nx, ny, nz = px - corneas[c, 0], py - corneas[c, 1], pz - corneas[c, 2]
                size = np.sqrt(nx * nx + ny * ny + nz * nz) + TINY
                nx, ny, nz = nx / size, ny / size, nz / size
                s = np.float32(2) * step / size  # the angle of what a pixel reflects
                far = np.sqrt(px * px + py * py + pz * pz)
                vx, vy, vz = -px / far, -py / far, -pz / far
                along = np.float32(2) * (nx * vx + ny * vy + nz * vz)
                rx, ry, rz = along * nx - vx, along * ny - vy, along * nz - vz
                front = max(rx * axes[2, 0] + ry * axes[2, 1] + rz * axes[2, 2], np.float32(1e-3))
                u = (rx * axes[0, 0] + ry * axes[0, 1] + rz * axes[0, 2]) / front
                v = (rx * axes[1, 0] + ry * axes[1, 1] + rz * axes[1, 2]) / front
                within = max(min(u + s * HALF, window[0]) - max(u - s * HALF, -window[0]), ZERO) / s
                within *= max(min(v + s * HALF, window[1]) - max(v - s * HALF, -window[1]), ZERO) / s
                for lamp in range(len(lamps)):
                    part = within * visible[y, x]
                    if lamp > 0:
                        cosine = min(rx * lamps[lamp, 0] + ry * lamps[lamp, 1] + rz * lamps[lamp, 2], ONE)
                        angle, half = np.sqrt(np.float32(2) * (ONE - cosine)), np.float32(0.1)
                        part = min(max((half + s * HALF - angle) / s, ZERO), ONE) * min(np.float32(2) * half / s, ONE) * HALF
                    for q in range(3):
                        out[y, x, q] += part * window[2] * lamps[lamp, 3 + q] * (np.float32(0.3) + np.float32(0.7) * open_here)
            if y + 1 < height and nearest[y + 1, x] >= 0 and parts[nearest[y + 1, x]] == 0:
                cover = tears * min(np.float32(0.06) / step, ONE)
                lit = max(lamps[0, 1] * np.float32(0.6) + lamps[0, 2] * np.float32(0.8), ZERO) * visible[y, x]
                for q in range(3):
                    out[y, x, q] += cover * (np.float32(0.3) * sky[0, q] + np.float32(0.35) * lit * lamps[0, 3 + q])


def develop(light, gain, table, image):
    """Light (H,W,4) over an image (H,W,3) uint8, in place: gain (3,) times the light, by a table of tones (n,) uint8 over [0,1]."""
    last = len(table) - 1
    for y in range(light.shape[0]):
        for x in range(light.shape[1]):
            alpha = light[y, x, 3]
            if alpha <= 0:
                continue
            for q in range(3):
                tone = table[int(min(light[y, x, q] * gain[q] / alpha, ONE) * last)]
                image[y, x, q] = np.uint8(tone * alpha + image[y, x, q] * (ONE - alpha) + HALF)
