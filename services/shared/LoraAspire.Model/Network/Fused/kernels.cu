// The kernels of CudaKernels.cs, compiled at run time by NVRTC without any header. bfloat16 is handled as its bits.
// T tokens; rows are contiguous unless a leading dimension (ld) is given. Widths are multiples of 16, so 16-byte loads are aligned.
typedef unsigned int u32;
typedef unsigned short u16;
typedef long long i64;

__device__ __forceinline__ float low(u32 v) { return __uint_as_float(v << 16); }
__device__ __forceinline__ float high(u32 v) { return __uint_as_float(v & 0xffff0000u); }
__device__ __forceinline__ float wide(u16 v) { return __uint_as_float((u32)v << 16); }
__device__ __forceinline__ u32 pack(float first, float second) {
    u32 r;
    asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(r) : "f"(second), "f"(first));
    return r;
}
__device__ __forceinline__ float rounded(float v) { return low(pack(v, 0.f)); }
__device__ __forceinline__ u16 narrow(float v) { return (u16)(pack(v, 0.f) & 0xffffu); }

__device__ __forceinline__ void unpack(uint4 v, float* f) {
    f[0] = low(v.x); f[1] = high(v.x); f[2] = low(v.y); f[3] = high(v.y);
    f[4] = low(v.z); f[5] = high(v.z); f[6] = low(v.w); f[7] = high(v.w);
}
__device__ __forceinline__ uint4 packed(const float* f) {
    return make_uint4(pack(f[0], f[1]), pack(f[2], f[3]), pack(f[4], f[5]), pack(f[6], f[7]));
}

struct Drop { u32 key1, key2, threshold; };
const int MaxTiles = 6;
// numbers [T]: what each token's dropout is drawn by; null is its place.
struct Tiles { Drop drop[MaxTiles]; float scale[MaxTiles]; const int* numbers; };
__device__ __forceinline__ u32 numberOf(const Tiles& tiles, int row, int end) {
    return tiles.numbers && row < end ? (u32)tiles.numbers[row] : (u32)row;
}

__device__ __forceinline__ u32 fold(u32 x, u32 factor) {
    unsigned long long p = (unsigned long long)x * factor;
    return (u32)p ^ (u32)(p >> 32);
}
// The highest bit of each half of what is returned says whether dropout keeps one of two columns; counter is that of the pair.
// With that bit set before, the difference of one half borrows nothing from the other.
__device__ __forceinline__ u32 marks(Drop d, u32 counter) {
    u32 word = fold(fold(counter ^ d.key1, 0x9E3779B1u) ^ d.key2, 0x85EBCA77u);
    return (word | 0x80008000u) - d.threshold * 0x00010001u;
}
// Each byte that selector names by 8 + its number becomes its highest bit, eight times.
__device__ __forceinline__ u32 spread(u32 a, u32 b, u32 selector) {
    u32 r;
    asm("prmt.b32 %0, %1, %2, %3;" : "=r"(r) : "r"(a), "r"(b), "r"(selector));
    return r;
}
__device__ __forceinline__ uint4 marks8(Drop d, u32 counter) {
    return make_uint4(marks(d, counter), marks(d, counter + 1), marks(d, counter + 2), marks(d, counter + 3));
}
// Ones where an element is kept.
__device__ __forceinline__ uint4 kept8(uint4 m) {
    return make_uint4(spread(m.x, 0, 0xbb99), spread(m.y, 0, 0xbb99), spread(m.z, 0, 0xbb99), spread(m.w, 0, 0xbb99));
}
__device__ __forceinline__ uint4 keep8(Drop d, u32 counter) { return kept8(marks8(d, counter)); }
// Eight columns' marks as the bits of a byte, and the i-th two columns' mask of such a byte.
__device__ __forceinline__ u32 bitsOf(uint4 m) {
    return ((spread(m.x, m.y, 0xfdb9) & 0x08040201u | spread(m.z, m.w, 0xfdb9) & 0x80402010u) * 0x01010101u) >> 24;
}
__device__ __forceinline__ u32 maskOf(u32 bits, int i) { return spread(bits << (7 - 2 * i), bits << (14 - 2 * i), 0xdd88); }
__device__ __forceinline__ uint4 mask8(u32 bits) { return make_uint4(maskOf(bits, 0), maskOf(bits, 1), maskOf(bits, 2), maskOf(bits, 3)); }
// Whether tile j drops other elements than the one before it: the tiles of one layer share their mask.
__device__ __forceinline__ bool isFresh(const Tiles& tiles, int j) {
    return j == 0 || tiles.drop[j].key1 != tiles.drop[j - 1].key1 || tiles.drop[j].key2 != tiles.drop[j - 1].key2 || tiles.drop[j].threshold != tiles.drop[j - 1].threshold;
}
__device__ __forceinline__ uint4 both(uint4 a, uint4 b) { return make_uint4(a.x & b.x, a.y & b.y, a.z & b.z, a.w & b.w); }

__device__ __forceinline__ float blockSum(float v) {
    __shared__ float part[32];
    for (int i = 16; i > 0; i >>= 1) v += __shfl_xor_sync(0xffffffffu, v, i);
    __syncthreads();
    if ((threadIdx.x & 31) == 0) part[threadIdx.x >> 5] = v;
    __syncthreads();
    v = threadIdx.x < (blockDim.x >> 5) ? part[threadIdx.x] : 0.f;
    if (threadIdx.x < 32) {
        for (int i = 16; i > 0; i >>= 1) v += __shfl_xor_sync(0xffffffffu, v, i);
        if (threadIdx.x == 0) part[0] = v;
    }
    __syncthreads();
    return part[0];
}

__device__ __forceinline__ float blockMax(float v) {
    __shared__ float part[32];
    for (int i = 16; i > 0; i >>= 1) v = fmaxf(v, __shfl_xor_sync(0xffffffffu, v, i));
    __syncthreads();
    if ((threadIdx.x & 31) == 0) part[threadIdx.x >> 5] = v;
    __syncthreads();
    v = part[0];
    for (int i = 1; i < (blockDim.x >> 5); i++) v = fmaxf(v, part[i]);
    return v;
}

// Kernels of one block a row hold the row in registers: Items times eight columns a thread, up to 32,768 in all.
const int Items = 4;
const int RowThreads = 1024;

__device__ __forceinline__ u32 e4m3(float first, float second) {
    u16 r = 0;
#if __CUDA_ARCH__ >= 890
    asm("cvt.rn.satfinite.e4m3x2.f32 %0, %1, %2;" : "=h"(r) : "f"(second), "f"(first));
#endif
    return r;
}

// A row as e4m3: value = code * scale, the scale such that the largest becomes e4m3's largest, or rounded up to a power of two. With factors, of the values times these first.
// row[k] holds columns 8*at[k].. of it; at[k] is below 0 where it holds none.
template <int N> __device__ __forceinline__ void encode(uint4 (&row)[N], const int (&at)[N], const uint4* factors, uint2* codes, float* scale, bool powerOfTwo = false) {
    float most = 0.f, f[8], g[8];
    #pragma unroll
    for (int k = 0; k < N; k++) {
        if (at[k] < 0) continue;
        unpack(row[k], f);
        if (factors) {
            unpack(factors[at[k]], g);
            for (int e = 0; e < 8; e++) f[e] *= g[e];
            row[k] = packed(f);
        }
        for (int e = 0; e < 8; e++) most = fmaxf(most, fabsf(f[e]));
    }
    float unit = fmaxf(blockMax(most), 1e-30f) / 448.f;
    if (powerOfTwo) unit = __uint_as_float((__float_as_uint(unit) + 0x7fffffu) & 0xff800000u);
    if (threadIdx.x == 0) *scale = unit;
    float inverse = 1.f / unit;
    #pragma unroll
    for (int k = 0; k < N; k++) {
        if (at[k] < 0) continue;
        unpack(row[k], f);
        for (int e = 0; e < 8; e++) f[e] *= inverse;
        codes[at[k]] = make_uint2(e4m3(f[0], f[1]) | e4m3(f[2], f[3]) << 16, e4m3(f[4], f[5]) | e4m3(f[6], f[7]) << 16);
    }
}

__device__ __forceinline__ void columnsOf(int (&at)[Items], int columns) {
    #pragma unroll
    for (int k = 0; k < Items; k++) {
        int i = threadIdx.x + k * blockDim.x;
        at[k] = i < columns ? i : -1;
    }
}

extern "C" __global__ void __launch_bounds__(RowThreads) encodeRows(const uint4* x, const uint4* factors, uint2* codes, float* scales, int width, int powerOfTwo) {
    i64 first = (i64)blockIdx.x * (width / 8);
    int at[Items];
    uint4 row[Items];
    columnsOf(at, width / 8);
    #pragma unroll
    for (int k = 0; k < Items; k++) if (at[k] >= 0) row[k] = x[first + at[k]];
    encode(row, at, factors, codes + first, scales + blockIdx.x, powerOfTwo);
}

// One block a row. sum = x + added (when given) + lowRank * up (when given, up [ranks, width]); n = round(sum * r) * w, or with plusOne sum * r * (1 + w), which is written to normed or, as e4m3, to codes, or both.
extern "C" __global__ void __launch_bounds__(RowThreads) rmsNorm(const uint4* x, const uint4* added, const uint4* w, uint4* sum, uint4* normed, float* inverse, uint2* codes, float* scales, int width, float epsilon,
    const u16* lowRank, int ldl, const uint4* up, int ranks, int plusOne) {
    i64 first = (i64)blockIdx.x * (width / 8);
    int at[Items];
    uint4 row[Items];
    columnsOf(at, width / 8);
    float squares = 0.f, f[8], g[8];
    #pragma unroll
    for (int k = 0; k < Items; k++) if (at[k] >= 0) row[k] = x[first + at[k]];
    #pragma unroll
    for (int k = 0; k < Items; k++) {
        if (at[k] < 0) continue;
        unpack(row[k], f);
        if (added) {
            unpack(added[first + at[k]], g);
            for (int e = 0; e < 8; e++) f[e] += g[e];
            for (int r = 0; r < ranks; r++) {
                float factor = wide(lowRank[(i64)blockIdx.x * ldl + r]);
                unpack(up[r * (width / 8) + at[k]], g);
                #pragma unroll
                for (int e = 0; e < 8; e++) f[e] += factor * g[e];
            }
            row[k] = packed(f);
            sum[first + at[k]] = row[k];
            unpack(row[k], f);
        }
        for (int e = 0; e < 8; e++) squares += f[e] * f[e];
    }
    float r = rsqrtf(blockSum(squares) / width + epsilon);
    if (threadIdx.x == 0) inverse[blockIdx.x] = r;
    #pragma unroll
    for (int k = 0; k < Items; k++) {
        if (at[k] < 0) continue;
        unpack(row[k], f);
        unpack(w[at[k]], g);
        for (int e = 0; e < 8; e++) f[e] = plusOne ? f[e] * r * (1.f + g[e]) : rounded(f[e] * r) * g[e];
        row[k] = packed(f);
        if (normed) normed[first + at[k]] = row[k];
    }
    if (codes) encode(row, at, 0, codes + first, scales + blockIdx.x);
}

extern "C" __global__ void __launch_bounds__(RowThreads) rmsNormBackward(const uint4* gradient, const uint4* x, const float* inverse, const uint4* w, const uint4* residual, uint4* result, const uint4* factors, uint2* codes, float* scales, int width, int plusOne) {
    i64 first = (i64)blockIdx.x * (width / 8);
    int at[Items];
    uint4 row[Items], source[Items];
    float one = plusOne ? 1.f : 0.f;
    columnsOf(at, width / 8);
    float dot = 0.f, g[8], f[8], s[8];
    #pragma unroll
    for (int k = 0; k < Items; k++) if (at[k] >= 0) {
        row[k] = gradient[first + at[k]];
        source[k] = x[first + at[k]];
    }
    #pragma unroll
    for (int k = 0; k < Items; k++) {
        if (at[k] < 0) continue;
        unpack(row[k], g);
        unpack(source[k], f);
        unpack(w[at[k]], s);
        for (int e = 0; e < 8; e++) dot += g[e] * (s[e] + one) * f[e];
    }
    float r = inverse[blockIdx.x];
    float pull = blockSum(dot) / width * r * r * r;
    #pragma unroll
    for (int k = 0; k < Items; k++) {
        if (at[k] < 0) continue;
        unpack(row[k], g);
        unpack(source[k], f);
        unpack(w[at[k]], s);
        for (int e = 0; e < 8; e++) g[e] = g[e] * (s[e] + one) * r - f[e] * pull;
        if (residual) {
            unpack(residual[first + at[k]], s);
            for (int e = 0; e < 8; e++) g[e] += s[e];
        }
        row[k] = packed(g);
        result[first + at[k]] = row[k];
    }
    if (codes) encode(row, at, factors, codes + first, scales + blockIdx.x);
}

// 1/x to an ulp, 0 for infinity.
__device__ __forceinline__ float inverse(float x) {
    float r;
    asm("rcp.approx.ftz.f32 %0, %1;" : "=f"(r) : "f"(x));
    return r;
}
// What acts on a gate, as GluActivation has it: silu, or GELU in its tanh form. 1 - 2/(1 + e^2u) is tanh(u), also where e^2u overflows.
__device__ __forceinline__ float activated(float x, int gelu) {
    if (!gelu) return x * inverse(1.f + __expf(-x));
    return x * (1.f - inverse(1.f + __expf(1.5957691216f * (x + 0.044715f * x * x * x))));
}
__device__ __forceinline__ float slope(float x, int gelu, float& value) {
    if (!gelu) {
        float s = inverse(1.f + __expf(-x));
        value = x * s;
        return s + value - value * s;
    }
    // half = (1 + tanh) / 2, so that 1 - tanh^2 is 4 * half * (1 - half).
    float half = 1.f - inverse(1.f + __expf(1.5957691216f * (x + 0.044715f * x * x * x)));
    value = x * half;
    return half + 1.5957691216f * value * (1.f - half) * (1.f + 0.134145f * x * x);
}

// gateUp [T, 2*half], eight columns a thread.
extern "C" __global__ void glu(const uint4* gateUp, uint4* result, int half, i64 count, int gelu) {
    int columns = half / 8;
    for (i64 i = (i64)blockIdx.x * blockDim.x + threadIdx.x; i < count; i += (i64)gridDim.x * blockDim.x) {
        i64 row = i / columns, at = row * 2 * columns + (i - row * columns);
        float g[8], u[8];
        unpack(gateUp[at], g);
        unpack(gateUp[at + columns], u);
        for (int e = 0; e < 8; e++) g[e] = rounded(activated(g[e], gelu)) * u[e];
        result[i] = packed(g);
    }
}

// With result, which may be where the gradient is, what glu gives is written there.
extern "C" __global__ void gluBackward(const uint4* gradient, uint4* gateUp, uint4* result, int half, i64 count, int gelu) {
    int columns = half / 8;
    for (i64 i = (i64)blockIdx.x * blockDim.x + threadIdx.x; i < count; i += (i64)gridDim.x * blockDim.x) {
        i64 row = i / columns, at = row * 2 * columns + (i - row * columns);
        float g[8], u[8], d[8];
        unpack(gateUp[at], g);
        unpack(gateUp[at + columns], u);
        unpack(gradient[i], d);
        for (int e = 0; e < 8; e++) {
            float value, rise = slope(g[e], gelu, value), up = u[e];
            g[e] = d[e] * up * rise;
            u[e] = d[e] * value;
            d[e] = rounded(value) * up;
        }
        gateUp[at] = packed(g);
        gateUp[at + columns] = packed(u);
        if (result) result[i] = packed(d);
    }
}

// The same with one block a row, for what is read as e4m3; result is null where nobody reads it in bfloat16.
extern "C" __global__ void __launch_bounds__(RowThreads) gluCodes(const uint4* gateUp, uint4* result, uint2* codes, float* scales, int half, int gelu) {
    int columns = half / 8;
    i64 first = (i64)blockIdx.x * 2 * columns;
    int at[Items];
    uint4 row[Items], up[Items];
    columnsOf(at, columns);
    #pragma unroll
    for (int k = 0; k < Items; k++) if (at[k] >= 0) {
        row[k] = gateUp[first + at[k]];
        up[k] = gateUp[first + columns + at[k]];
    }
    #pragma unroll
    for (int k = 0; k < Items; k++) {
        if (at[k] < 0) continue;
        float g[8], u[8];
        unpack(row[k], g);
        unpack(up[k], u);
        for (int e = 0; e < 8; e++) g[e] = rounded(activated(g[e], gelu)) * u[e];
        row[k] = packed(g);
        if (result) result[(i64)blockIdx.x * columns + at[k]] = row[k];
    }
    encode(row, at, 0, codes + (i64)blockIdx.x * columns, scales + blockIdx.x);
}

// With keep, gateUp is written over in bfloat16 too.
extern "C" __global__ void __launch_bounds__(RowThreads) gluBackwardCodes(const uint4* gradient, uint4* gateUp, const uint4* factors, uint2* codes, float* scales, int half, int keep, int gelu) {
    int columns = half / 8;
    i64 first = (i64)blockIdx.x * 2 * columns;
    int at[2 * Items];
    uint4 row[2 * Items];
    #pragma unroll
    for (int k = 0; k < Items; k++) {
        int i = threadIdx.x + k * blockDim.x;
        at[k] = i < columns ? i : -1;
        at[k + Items] = i < columns ? i + columns : -1;
        if (i < columns) {
            row[k] = gateUp[first + i];
            row[k + Items] = gateUp[first + columns + i];
        }
    }
    #pragma unroll
    for (int k = 0; k < Items; k++) {
        if (at[k] < 0) continue;
        float g[8], u[8], d[8];
        unpack(row[k], g);
        unpack(row[k + Items], u);
        unpack(gradient[(i64)blockIdx.x * columns + at[k]], d);
        for (int e = 0; e < 8; e++) {
            float value, rise = slope(g[e], gelu, value);
            g[e] = d[e] * u[e] * rise;
            u[e] = d[e] * value;
        }
        row[k] = packed(g);
        row[k + Items] = packed(u);
        if (keep) {
            gateUp[first + at[k]] = row[k];
            gateUp[first + at[k + Items]] = row[k + Items];
        }
    }
    encode(row, at, factors, codes + first, scales + blockIdx.x);
}

// Eight pairs (a[e], b[e]) turned by their angles; direction -1 turns back.
__device__ __forceinline__ void turn(float* a, float* b, const float* cosine, const float* sine, float direction) {
    float c[8], s[8];
    *(float4*)c = *(const float4*)cosine;
    *(float4*)(c + 4) = *(const float4*)(cosine + 4);
    *(float4*)s = *(const float4*)sine;
    *(float4*)(s + 4) = *(const float4*)(sine + 4);
    #pragma unroll
    for (int e = 0; e < 8; e++) {
        float first = a[e], second = b[e];
        a[e] = first * c[e] - direction * second * s[e];
        b[e] = second * c[e] + direction * first * s[e];
    }
}

// heads of dim columns each, in place. One block a token.
extern "C" __global__ void rope(u16* qkv, int ld, int heads, int dim, const int* positions, const float* cosine, const float* sine) {
    i64 row = blockIdx.x;
    int half = dim / 2, parts = half / 8;
    i64 angle = (i64)positions[row] * dim;
    for (int i = threadIdx.x; i < heads * parts; i += blockDim.x) {
        int head = i / parts, column = (i - head * parts) * 8;
        uint4* first = (uint4*)(qkv + row * ld + head * dim + column);
        uint4* second = (uint4*)((u16*)first + half);
        float a[8], b[8];
        unpack(*first, a);
        unpack(*second, b);
        turn(a, b, cosine + angle + column, sine + angle + column, 1.f);
        *first = packed(a);
        *second = packed(b);
    }
}

// dq [T, heads*dim], dk, dv [T, keyValue*dim] -> result [T, q|k|v], q and k turned back.
extern "C" __global__ void ropeBackward(const u16* dq, const u16* dk, const u16* dv, u16* result, int heads, int keyValue, int dim, const int* positions, const float* cosine, const float* sine) {
    i64 row = blockIdx.x;
    int half = dim / 2, parts = half / 8, ld = (heads + 2 * keyValue) * dim;
    i64 angle = (i64)positions[row] * dim;
    for (int i = threadIdx.x; i < (heads + 2 * keyValue) * parts; i += blockDim.x) {
        int head = i / parts, column = (i - head * parts) * 8;
        const u16* from = column + (head < heads ? dq + (row * heads + head) * dim
            : head < heads + keyValue ? dk + (row * keyValue + head - heads) * dim : dv + (row * keyValue + head - heads - keyValue) * dim);
        uint4 first = *(const uint4*)from, second = *(const uint4*)(from + half);
        if (head < heads + keyValue) {
            float a[8], b[8];
            unpack(first, a);
            unpack(second, b);
            turn(a, b, cosine + angle + column, sine + angle + column, -1.f);
            first = packed(a);
            second = packed(b);
        }
        u16* to = result + row * ld + head * dim + column;
        *(uint4*)to = first;
        *(uint4*)(to + half) = second;
    }
}

// The same for a row of at most Items pairs a thread, also as e4m3; result is null where nobody reads it in bfloat16.
extern "C" __global__ void __launch_bounds__(RowThreads) ropeBackwardCodes(const u16* dq, const u16* dk, const u16* dv, u16* result, int heads, int keyValue, int dim, const int* positions, const float* cosine, const float* sine, const uint4* factors, uint2* codes, float* scales) {
    i64 token = blockIdx.x;
    int half = dim / 2, parts = half / 8, ld = (heads + 2 * keyValue) * dim;
    i64 angle = (i64)positions[token] * dim;
    int at[2 * Items];
    uint4 row[2 * Items];
    #pragma unroll
    for (int k = 0; k < Items; k++) {
        int i = threadIdx.x + k * blockDim.x;
        at[k] = at[k + Items] = -1;
        if (i >= (heads + 2 * keyValue) * parts) continue;
        int head = i / parts, column = (i - head * parts) * 8;
        const u16* from = column + (head < heads ? dq + (token * heads + head) * dim
            : head < heads + keyValue ? dk + (token * keyValue + head - heads) * dim : dv + (token * keyValue + head - heads - keyValue) * dim);
        uint4 first = *(const uint4*)from, second = *(const uint4*)(from + half);
        if (head < heads + keyValue) {
            float a[8], b[8];
            unpack(first, a);
            unpack(second, b);
            turn(a, b, cosine + angle + column, sine + angle + column, -1.f);
            first = packed(a);
            second = packed(b);
        }
        at[k] = (head * dim + column) / 8;
        at[k + Items] = at[k] + half / 8;
        row[k] = first;
        row[k + Items] = second;
        if (result) {
            u16* to = result + token * ld + head * dim + column;
            *(uint4*)to = first;
            *(uint4*)(to + half) = second;
        }
    }
    encode(row, at, factors, codes + token * (ld / 8), scales + token);
}

__device__ __forceinline__ void product(float* c, u32 a0, u32 a1, u32 a2, u32 a3, u32 b0, u32 b1) {
    asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
        : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3]) : "r"(a0), "r"(a1), "r"(a2), "r"(a3), "r"(b0), "r"(b1));
}

// out[t, r] = the sum over the warps that share out k, times its tile's scale, or where all tiles are ofOne layer the first one's. acc[m] are a warp's sixteen tokens from row own + 16*m of the block's.
template <int Shares, int Rows, int M, int NT> __device__ __forceinline__ void writeSums(const float (&acc)[M][NT][4], int share, int own, u16* out, int ldo, int ranks, int tokens, const Tiles& tiles, bool ofOne) {
    const int Together = NT < 4 ? NT : 4; // as many tiles' sums as shared memory holds
    __shared__ float parts[Shares][Rows][Together * 8];
    int lane = threadIdx.x & 31, group = lane >> 2;
    #pragma unroll
    for (int first = 0; first < NT; first += Together) {
        if (first > 0) __syncthreads();
        #pragma unroll
        for (int m = 0; m < M; m++)
            #pragma unroll
            for (int j = 0; j < Together; j++)
                #pragma unroll
                for (int e = 0; e < 4; e++)
                    if (first + j < NT) parts[share][own + m * 16 + group + (e >> 1) * 8][j * 8 + (lane & 3) * 2 + (e & 1)] = acc[m][first + j < NT ? first + j : 0][e];
        __syncthreads();
        for (int i = threadIdx.x; i < Rows * Together * 8; i += blockDim.x) {
            int row = i / (Together * 8), column = i % (Together * 8), token = blockIdx.x * Rows + row, rank = first * 8 + column;
            float total = 0.f;
            for (int p = 0; p < Shares; p++) total += parts[p][row][column];
            if (token < tokens && rank < ranks) out[(i64)token * ldo + rank] = narrow(total * tiles.scale[ofOne ? 0 : rank / 8]);
        }
    }
}

// out[t, 8*tile + n] = scale[tile] * sum_k dropout(x)[t, k] * matrix[8*tile + n, k]. 32 tokens a block; its eight warps share out k.
// What dropout keeps goes to bits [layers that drop, tokens, words of 32 columns] as well, when given.
// The tensor core's k may be in any order, as long as both operands have the same: lane c of a quad takes columns 8c..8c+7 of 32, one 16-byte load a row.
template <int NT> __device__ __forceinline__ void projectTiles(const u16* x, i64 ldx, int width, const u16* matrix, u16* out, int ldo, int tokens, unsigned char* bits, const Tiles& tiles) {
    int warp = threadIdx.x >> 5, lane = threadIdx.x & 31, group = lane >> 2, base = blockIdx.x * 32;
    i64 rowBytes = (i64)(width + 31) / 32 * 4;
    float acc[2][NT][4] = {};
    u32 number[4];
    uint4 next[4];
    #pragma unroll
    for (int i = 0; i < 4; i++) number[i] = numberOf(tiles, base + group + 8 * i, tokens);
    auto load = [&](int chunk) {
        int column = chunk * 32 + (lane & 3) * 8;
        #pragma unroll
        for (int i = 0; i < 4; i++) {
            int row = base + group + 8 * i;
            next[i] = column < width && row < tokens ? *(const uint4*)(x + row * ldx + column) : make_uint4(0, 0, 0, 0);
        }
    };
    load(warp);
    for (int chunk = warp; chunk * 32 < width; chunk += 8) {
        int column = chunk * 32 + (lane & 3) * 8;
        bool inside = column < width;
        uint4 v[4], kept[4];
        int layer = 0;
        #pragma unroll
        for (int i = 0; i < 4; i++) v[i] = next[i];
        load(chunk + 8);
        #pragma unroll
        for (int j = 0; j < NT; j++) {
            uint4 b = inside ? *(const uint4*)(matrix + (i64)(j * 8 + group) * width + column) : make_uint4(0, 0, 0, 0);
            if (isFresh(tiles, j)) {
                bool drops = tiles.drop[j].threshold != 0;
                #pragma unroll
                for (int i = 0; i < 4; i++) {
                    kept[i] = v[i];
                    if (!drops) continue;
                    uint4 mark = marks8(tiles.drop[j], number[i] * (u32)(width / 2) + column / 2);
                    kept[i] = both(v[i], kept8(mark));
                    int row = base + group + 8 * i;
                    if (bits && row < tokens) bits[((i64)layer * tokens + row) * rowBytes + chunk * 4 + (lane & 3)] = bitsOf(mark);
                }
                layer += drops;
            }
            #pragma unroll
            for (int m = 0; m < 2; m++) {
                uint4 p = kept[2 * m], q = kept[2 * m + 1];
                product(acc[m][j], p.x, q.x, p.y, q.y, b.x, b.y);
                product(acc[m][j], p.z, q.z, p.w, q.w, b.z, b.w);
            }
        }
    }
    writeSums<8, 32>(acc, warp, 0, out, ldo, NT * 8, tokens, tiles, false);
}
#define PROJECT(N) extern "C" __global__ void __launch_bounds__(256, 2) project##N(const u16* x, i64 ldx, int width, const u16* matrix, u16* out, int ldo, int tokens, unsigned char* bits, Tiles tiles) { \
    projectTiles<N>(x, ldx, width, matrix, out, ldo, tokens, bits, tiles); }
PROJECT(1) PROJECT(2) PROJECT(3) PROJECT(4) PROJECT(5) PROJECT(6)

__device__ __forceinline__ void addVector(float* to, const float* v) {
#if __CUDA_ARCH__ >= 900
    asm volatile("red.relaxed.gpu.global.add.v4.f32 [%0], {%1, %2, %3, %4};" :: "l"(to), "f"(v[0]), "f"(v[1]), "f"(v[2]), "f"(v[3]) : "memory");
#else
    for (int e = 0; e < 4; e++) atomicAdd(to + e, v[e]);
#endif
}

// An 8x8 matrix of 16-bit elements, a row in each quad of lanes, turned about its diagonal.
__device__ __forceinline__ u32 transposed(u32 v) {
    u32 r;
    asm volatile("movmatrix.sync.aligned.m8n8.trans.b16 %0, %1;" : "=r"(r) : "r"(v));
    return r;
}
// Only the first eight of sixteen rows are wanted.
__device__ __forceinline__ void halfProduct(float* c, u32 a0, u32 a2, u32 b0, u32 b1) {
    float unused0, unused1;
    asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%5}, {%7,%8}, {%0,%1,%9,%9};"
        : "+f"(c[0]), "+f"(c[1]), "=f"(unused0), "=f"(unused1) : "r"(a0), "r"(0), "r"(a2), "r"(b0), "r"(b1), "f"(0.f));
}
__device__ __forceinline__ void shortProduct(float* c, u32 a0, u32 a1, u32 b0) {
    asm volatile("mma.sync.aligned.m16n8k8.row.col.f32.bf16.bf16.f32 {%0,%1,%2,%3}, {%4,%5}, {%6}, {%0,%1,%2,%3};"
        : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3]) : "r"(a0), "r"(a1), "r"(b0));
}
__device__ __forceinline__ u32 word(uint4 v, int i) { return i == 0 ? v.x : i == 1 ? v.y : i == 2 ? v.z : v.w; }

// sums[8*tile + r, c] += sum_t low[t, 8*tile + r] * dropout(x)[t, c]; with GRADIENT also gradient[t, c] += sum_tiles dropout'(sum_r low[t, 8*tile + r] * matrix[8*tile + r, c]).
// bits: what project wrote; null draws again. A warp has 32 columns and walks its share of the tokens, sixteen at a time. As in project, a lane holds eight neighbouring columns: word i of its 16 bytes is its pair of
// columns in the tensor core's i-th tile of eight. Products over tokens want pairs of tokens instead: transposed() makes them.
template <int NT, bool GRADIENT> __device__ __forceinline__ void accumulateTiles(
    const u16* x, i64 ldx, int width, const u16* lowRank, int ldl, float* sums, const u16* matrix, u16* gradient, int tokens, int share, const u32* bits, const Tiles& tiles) {
    int lane = threadIdx.x & 31, group = lane >> 2, quad = lane & 3, chunk = blockIdx.x * (blockDim.x >> 5) + (threadIdx.x >> 5);
    if (chunk * 32 >= width) return;
    int column = chunk * 32 + quad * 8, end = min(tokens, (int)(blockIdx.y + 1) * share);
    bool inside = column < width; // the last warp's columns may be half beyond the row, but its products take all lanes
    u32 m[NT][4];
    if (GRADIENT) {
        #pragma unroll
        for (int j = 0; j < NT; j++) {
            uint4 v = inside ? *(const uint4*)(matrix + (i64)(j * 8 + group) * width + column) : make_uint4(0, 0, 0, 0);
            #pragma unroll
            for (int i = 0; i < 4; i++) m[j][i] = transposed(word(v, i));
        }
    }
    float acc[NT][8] = {};
    for (int t = blockIdx.y * share; t < end; t += 16) {
        int first = t + group, second = first + 8;
        // All is asked for before the first of it is used, and comes together.
        uint4 p = make_uint4(0, 0, 0, 0), q = p, g[2];
        if (inside && first < end) p = *(const uint4*)(x + first * ldx + column);
        if (inside && second < end) q = *(const uint4*)(x + second * ldx + column);
        if (GRADIENT && inside && first < end) g[0] = *(const uint4*)(gradient + (i64)first * width + column);
        if (GRADIENT && inside && second < end) g[1] = *(const uint4*)(gradient + (i64)second * width + column);
        u32 low0[NT], low1[NT], bits0[NT], bits1[NT];
        int layer = 0;
        #pragma unroll
        for (int j = 0; j < NT; j++) {
            low0[j] = first < end ? *(const u32*)(lowRank + (i64)first * ldl + j * 8 + quad * 2) : 0;
            low1[j] = second < end ? *(const u32*)(lowRank + (i64)second * ldl + j * 8 + quad * 2) : 0;
            if (bits && tiles.drop[j].threshold && isFresh(tiles, j)) {
                i64 words = (width + 31) / 32, at = (i64)layer * tokens * words + chunk;
                bits0[j] = first < end ? bits[at + first * words] : 0;
                bits1[j] = second < end ? bits[at + second * words] : 0;
                layer++;
            }
        }
        float d[2][8] = {}, c[4][4] = {};
        uint4 keep0, keep1;
        u32 turned[4][2];
        // What neighbouring tiles of one layer give the gradient, with their dropout.
        auto flush = [&]() {
            #pragma unroll
            for (int i = 0; i < 4; i++) {
                u32 k0 = word(keep0, i), k1 = word(keep1, i);
                d[0][2 * i] += k0 & 0xffffu ? c[i][0] : 0.f;
                d[0][2 * i + 1] += k0 >> 16 ? c[i][1] : 0.f;
                d[1][2 * i] += k1 & 0xffffu ? c[i][2] : 0.f;
                d[1][2 * i + 1] += k1 >> 16 ? c[i][3] : 0.f;
                c[i][0] = c[i][1] = c[i][2] = c[i][3] = 0.f;
            }
        };
        #pragma unroll
        for (int j = 0; j < NT; j++) {
            if (isFresh(tiles, j)) {
                if (GRADIENT && j > 0) flush();
                keep0 = keep1 = make_uint4(~0u, ~0u, ~0u, ~0u);
                if (tiles.drop[j].threshold && bits) {
                    keep0 = mask8(bits0[j] >> 8 * quad);
                    keep1 = mask8(bits1[j] >> 8 * quad);
                } else if (tiles.drop[j].threshold) {
                    u32 pairs = width / 2, at = column / 2;
                    keep0 = keep8(tiles.drop[j], numberOf(tiles, first, end) * pairs + at);
                    keep1 = keep8(tiles.drop[j], numberOf(tiles, second, end) * pairs + at);
                }
                uint4 pj = both(p, keep0), qj = both(q, keep1);
                #pragma unroll
                for (int i = 0; i < 4; i++) {
                    turned[i][0] = transposed(word(pj, i));
                    turned[i][1] = transposed(word(qj, i));
                }
            }
            u32 a0 = transposed(low0[j]), a2 = transposed(low1[j]);
            #pragma unroll
            for (int i = 0; i < 4; i++) {
                halfProduct(acc[j] + 2 * i, a0, a2, turned[i][0], turned[i][1]);
                if (GRADIENT) shortProduct(c[i], low0[j], low1[j], m[j][i]);
            }
        }
        if (GRADIENT) {
            flush();
            #pragma unroll
            for (int h = 0; h < 2; h++) {
                int row = h == 0 ? first : second;
                if (inside && row < end) {
                    float f[8];
                    unpack(g[h], f);
                    #pragma unroll
                    for (int e = 0; e < 8; e++) f[e] += d[h][e];
                    *(uint4*)(gradient + (i64)row * width + column) = packed(f);
                }
            }
        }
    }
    if (!inside) return;
    #pragma unroll
    for (int j = 0; j < NT; j++) {
        float* to = sums + (i64)(j * 8 + group) * width + column;
        addVector(to, acc[j]);
        addVector(to + 4, acc[j] + 4);
    }
}
#define ACCUMULATE(N) \
    extern "C" __global__ void accumulate##N(const u16* x, i64 ldx, int width, const u16* lowRank, int ldl, float* sums, const u16* matrix, u16* gradient, int tokens, int share, const u32* bits, Tiles tiles) { \
        accumulateTiles<N, false>(x, ldx, width, lowRank, ldl, sums, matrix, gradient, tokens, share, bits, tiles); } \
    extern "C" __global__ void accumulateGradient##N(const u16* x, i64 ldx, int width, const u16* lowRank, int ldl, float* sums, const u16* matrix, u16* gradient, int tokens, int share, const u32* bits, Tiles tiles) { \
        accumulateTiles<N, true>(x, ldx, width, lowRank, ldl, sums, matrix, gradient, tokens, share, bits, tiles); }
ACCUMULATE(1) ACCUMULATE(2) ACCUMULATE(3) ACCUMULATE(4) ACCUMULATE(5) ACCUMULATE(6)

// Up to three layers' shares of columns that lie side by side: x and, where it isn't the same memory, result; up [8*tiles, width], an adapter's second matrix; lowRank
// [T, 8*tiles] and lowGradient, float32, of leading dimensions of their own; sums [8*tiles, width]. Pointers are null where there is nothing to read or write.
struct Part { const u16* x; u16* result; const u16* up; const u16* lowRank; float* sums; float* lowGradient; i64 ldx, ldr; int width, tiles, turned, firstBlock; };
struct Parts { Part part[3]; };
const int PartWarps = 8;

// Forward: result = x + lowRank * up, its heads of 2*span columns turned where the part says so. BACK: result = x, turned back; lowGradient += result * up^T; sums += lowRank^T * result.
// A warp has 32 columns of the first halves of heads and those that they turn with, and walks its share of the tokens, sixteen at a time; lanes hold columns as in accumulate.
// Neighbouring warps have neighbouring columns of a head. What is no heads is taken as heads of 64.
template <int NT, bool BACK> __device__ __forceinline__ void walkParts(const Parts& parts, int count, int span, const int* positions, const float* cosine, const float* sine, int ldl, int ldg, int tokens) {
    const int PartTokens = NT == 1 ? 128 : 64; // as many as have room in shared memory
    int at = count > 2 && blockIdx.x >= parts.part[2].firstBlock ? 2 : count > 1 && blockIdx.x >= parts.part[1].firstBlock ? 1 : 0;
    const Part part = at == 2 ? parts.part[2] : at == 1 ? parts.part[1] : parts.part[0];
    int warp = threadIdx.x >> 5, lane = threadIdx.x & 31, group = lane >> 2, quad = lane & 3;
    int chunks = (span + 31) / 32, units = (part.width + 2 * span - 1) / (2 * span) * chunks, firstUnit = (blockIdx.x - part.firstBlock) * PartWarps, unit = firstUnit + warp;
    int within = unit % chunks * 32 + quad * 8, first = unit / chunks * 2 * span + within;
    bool active = unit < units, inside[2] = { active && within < span && first < part.width, active && within < span && first + span < part.width };
    uint4 b[NT][2];
    u32 m[NT][2][4];
    float acc[NT][2][8] = {};
    #pragma unroll
    for (int j = 0; j < NT; j++)
        #pragma unroll
        for (int h = 0; h < 2; h++) {
            b[j][h] = inside[h] && j < part.tiles ? *(const uint4*)(part.up + (i64)(j * 8 + group) * part.width + first + h * span) : make_uint4(0, 0, 0, 0);
            #pragma unroll
            for (int i = 0; i < 4; i++) m[j][h][i] = BACK ? 0 : transposed(word(b[j][h], i));
        }
    __shared__ float lows[BACK ? PartWarps : 1][BACK ? PartTokens : 1][NT * 8];
    int start = blockIdx.y * PartTokens, end = min(tokens, start + PartTokens);
    for (int t = start; active && t < end; t += 16) {
        int row[2] = { t + group, t + group + 8 };
        uint4 v[2][2];
        u32 l[NT][2];
        #pragma unroll
        for (int r = 0; r < 2; r++) {
            #pragma unroll
            for (int h = 0; h < 2; h++) v[r][h] = inside[h] && row[r] < end ? *(const uint4*)(part.x + row[r] * part.ldx + first + h * span) : make_uint4(0, 0, 0, 0);
            #pragma unroll
            for (int j = 0; j < NT; j++) l[j][r] = j < part.tiles && row[r] < end ? *(const u32*)(part.lowRank + (i64)row[r] * ldl + j * 8 + quad * 2) : 0;
        }
        float f[2][2][8];
        if (!BACK || part.turned) {
            #pragma unroll
            for (int r = 0; r < 2; r++)
                #pragma unroll
                for (int h = 0; h < 2; h++) unpack(v[r][h], f[r][h]);
        }
        if (!BACK) {
            #pragma unroll
            for (int j = 0; j < NT; j++)
                #pragma unroll
                for (int h = 0; h < 2; h++)
                    #pragma unroll
                    for (int i = 0; i < 4; i++) {
                        float c[4] = {};
                        shortProduct(c, l[j][0], l[j][1], m[j][h][i]);
                        f[0][h][2 * i] += c[0];
                        f[0][h][2 * i + 1] += c[1];
                        f[1][h][2 * i] += c[2];
                        f[1][h][2 * i + 1] += c[3];
                    }
        }
        if (part.turned && inside[0]) {
            #pragma unroll
            for (int r = 0; r < 2; r++) {
                i64 angle = (i64)positions[min(row[r], tokens - 1)] * 2 * span + within;
                turn(f[r][0], f[r][1], cosine + angle, sine + angle, BACK ? -1.f : 1.f);
            }
        }
        #pragma unroll
        for (int r = 0; r < 2; r++)
            #pragma unroll
            for (int h = 0; h < 2; h++) {
                if (!BACK || part.turned) v[r][h] = packed(f[r][h]);
                if (part.result && inside[h] && row[r] < end) *(uint4*)(part.result + row[r] * part.ldr + first + h * span) = v[r][h];
            }
        if (!BACK || part.tiles == 0) continue;
        #pragma unroll
        for (int j = 0; j < NT; j++) {
            float d[4] = {};
            u32 a0 = transposed(l[j][0]), a2 = transposed(l[j][1]);
            #pragma unroll
            for (int h = 0; h < 2; h++) {
                product(d, v[0][h].x, v[1][h].x, v[0][h].y, v[1][h].y, b[j][h].x, b[j][h].y);
                product(d, v[0][h].z, v[1][h].z, v[0][h].w, v[1][h].w, b[j][h].z, b[j][h].w);
                #pragma unroll
                for (int i = 0; i < 4; i++) halfProduct(acc[j][h] + 2 * i, a0, a2, transposed(word(v[0][h], i)), transposed(word(v[1][h], i)));
            }
            #pragma unroll
            for (int r = 0; r < 2; r++) {
                lows[BACK ? warp : 0][BACK ? row[r] - start : 0][j * 8 + quad * 2] = d[2 * r];
                lows[BACK ? warp : 0][BACK ? row[r] - start : 0][j * 8 + quad * 2 + 1] = d[2 * r + 1];
            }
        }
    }
    if (!BACK || part.tiles == 0) return;
    __syncthreads();
    int ranks = part.tiles * 8;
    for (int i = threadIdx.x; i < (end - start) * ranks; i += blockDim.x) {
        float total = 0.f;
        for (int p = 0; p < min(PartWarps, units - firstUnit); p++) total += lows[BACK ? p : 0][BACK ? i / ranks : 0][i % ranks];
        atomicAdd(part.lowGradient + (i64)(start + i / ranks) * ldg + i % ranks, total);
    }
    #pragma unroll
    for (int j = 0; j < NT; j++)
        #pragma unroll
        for (int h = 0; h < 2; h++) {
            if (!inside[h] || j >= part.tiles) continue;
            float* to = part.sums + (i64)(j * 8 + group) * part.width + first + h * span;
            addVector(to, acc[j][h]);
            addVector(to + 4, acc[j][h] + 4);
        }
}
#define PARTS(NAME, N, BACK) extern "C" __global__ void __launch_bounds__(PartWarps * 32, 2) NAME##N( \
    int count, int span, const int* positions, const float* cosine, const float* sine, int ldl, int ldg, int tokens, Parts parts) { \
    walkParts<N, BACK>(parts, count, span, positions, cosine, sine, ldl, ldg, tokens); }
PARTS(expand, 1, false) PARTS(expand, 2, false) PARTS(reduce, 1, true) PARTS(reduce, 2, true)

// What reduce summed in float32, times the tiles' scales.
extern "C" __global__ void scaleLow(const float* lowGradient, u16* out, int columns, i64 count, Tiles tiles) {
    for (i64 i = (i64)blockIdx.x * blockDim.x + threadIdx.x; i < count; i += (i64)gridDim.x * blockDim.x) out[i] = narrow(lowGradient[i] * tiles.scale[(int)(i % columns) / 8]);
}

// to = dropout(x), [T, width]; eight columns a thread.
extern "C" __global__ void dropRows(const u16* x, i64 ldx, u16* to, int width, i64 count, Tiles tiles) {
    int columns = width / 8;
    for (i64 i = (i64)blockIdx.x * blockDim.x + threadIdx.x; i < count; i += (i64)gridDim.x * blockDim.x) {
        i64 row = i / columns;
        int column = (int)(i - row * columns) * 8;
        u32 counter = numberOf(tiles, (int)row, (int)row + 1) * (u32)(width / 2) + column / 2;
        *(uint4*)(to + row * width + column) = both(*(const uint4*)(x + row * ldx + column), keep8(tiles.drop[0], counter));
    }
}

// to += dropout(added)
extern "C" __global__ void addDropped(uint4* to, const uint4* added, int width, i64 count, Tiles tiles) {
    int columns = width / 8;
    for (i64 i = (i64)blockIdx.x * blockDim.x + threadIdx.x; i < count; i += (i64)gridDim.x * blockDim.x) {
        i64 row = i / columns;
        u32 counter = numberOf(tiles, (int)row, (int)row + 1) * (u32)(width / 2) + (u32)(i - row * columns) * 4;
        float f[8], g[8];
        unpack(to[i], f);
        unpack(both(added[i], keep8(tiles.drop[0], counter)), g);
        for (int e = 0; e < 8; e++) f[e] += g[e];
        to[i] = packed(f);
    }
}

// One block a row: loss = log sum exp - logit of the target; the logits become weight * (softmax - onehot).
extern "C" __global__ void crossEntropy(uint4* logits, const i64* targets, const float* weights, float* losses, int vocabulary) {
    i64 at = (i64)blockIdx.x * (vocabulary / 8);
    const float Least = -3.0e38f;
    float top = Least, total = 0.f, f[8];
    for (int i = threadIdx.x; i < vocabulary / 8; i += blockDim.x) {
        unpack(logits[at + i], f);
        float here = f[0];
        for (int e = 1; e < 8; e++) here = fmaxf(here, f[e]);
        if (here > top) {
            total *= __expf(top - here);
            top = here;
        }
        for (int e = 0; e < 8; e++) total += __expf(f[e] - top);
    }
    __shared__ float tops[32];
    float best = top;
    for (int i = 16; i > 0; i >>= 1) best = fmaxf(best, __shfl_xor_sync(0xffffffffu, best, i));
    if ((threadIdx.x & 31) == 0) tops[threadIdx.x >> 5] = best;
    __syncthreads();
    for (int i = 0; i < (blockDim.x >> 5); i++) best = fmaxf(best, tops[i]);
    float sum = blockSum(total * __expf(top - best));
    i64 target = targets[blockIdx.x];
    float logSum = best + __logf(sum), weight = weights[blockIdx.x];
    if (threadIdx.x == 0) losses[blockIdx.x] = logSum - wide(((const u16*)logits)[(i64)blockIdx.x * vocabulary + target]);
    __syncthreads();
    for (int i = threadIdx.x; i < vocabulary / 8; i += blockDim.x) {
        unpack(logits[at + i], f);
        for (int e = 0; e < 8; e++) f[e] = weight * (__expf(f[e] - logSum) - (i * 8 + e == target ? 1.f : 0.f));
        logits[at + i] = packed(f);
    }
}

// Each token's sum over the places it was laid out at, of two tensors by blockIdx.y: its own, and copies[starts[t]..starts[t + 1]].
extern "C" __global__ void sumPlaces(const uint4* x, const uint4* other, uint4* sum, uint4* otherSum, int width, const i64* own, const int* starts, const int* copies) {
    int token = blockIdx.x, columns = width / 8, first = starts[token], end = starts[token + 1];
    const uint4* from = blockIdx.y ? other : x;
    uint4* to = (blockIdx.y ? otherSum : sum) + (i64)token * columns;
    for (int i = threadIdx.x; i < columns; i += blockDim.x) {
        uint4 v = from[own[token] * columns + i];
        if (first < end) {
            float f[8], g[8];
            unpack(v, f);
            for (int copy = first; copy < end; copy++) {
                unpack(from[(i64)copies[copy] * columns + i], g);
                for (int j = 0; j < 8; j++) f[j] += g[j];
            }
            v = packed(f);
        }
        to[i] = v;
    }
}

// What a step begins and ends with: matrices of float32 rounded to bfloat16, added to float32, or cleared where from is null. One of grid.y for each.
struct StepCopy { const float* from; void* to; i64 fromRow, fromColumn, toRow; int rows, columns, adds, unused; };
extern "C" __global__ void stepCopies(const StepCopy* copies) {
    StepCopy copy = copies[blockIdx.y];
    u32 count = (u32)copy.rows * copy.columns;
    for (u32 i = blockIdx.x * blockDim.x + threadIdx.x; i < count; i += gridDim.x * blockDim.x) {
        u32 row = i / copy.columns, column = i - row * copy.columns;
        i64 at = row * copy.toRow + column;
        float v = copy.from ? copy.from[row * copy.fromRow + column * copy.fromColumn] : 0.f;
        if (copy.adds) ((float*)copy.to)[at] += v;
        else if (copy.from) ((u16*)copy.to)[at] = narrow(v);
        else ((float*)copy.to)[at] = 0.f;
    }
}
