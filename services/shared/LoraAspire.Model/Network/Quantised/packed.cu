// The kernels of PackedKernels.cs, compiled at run time by NVRTC without any header: frozen weights of 4 and 8 bits to numbers.
// A thread takes eight neighbouring weights at a time, so that a warp writes whole lines. Nothing else is worth a thought here: the
// weights pass by once, and memory is all that is busy.
typedef unsigned int u32;
typedef unsigned short u16;
typedef unsigned char u8;
typedef long long i64;

__device__ const float NF4[16] = {
    -1.0f, -0.6961928009986877f, -0.5250730514526367f, -0.39491748809814453f, -0.28444138169288635f, -0.18477343022823334f,
    -0.09105003625154495f, 0.0f, 0.07958029955625534f, 0.16093020141124725f, 0.24611230194568634f, 0.33791524171829224f,
    0.44070982933044434f, 0.5626170039176941f, 0.7229568362236023f, 1.0f };

// Rounded to the nearest, ties to even; on every compute capability.
__device__ __forceinline__ u32 narrow(float v) { u32 b = __float_as_uint(v); return (b + 0x7fffu + ((b >> 16) & 1u)) >> 16; }
__device__ __forceinline__ u32 pair(float first, float second) { return narrow(first) | (narrow(second) << 16); }

__device__ __forceinline__ void put(u16* to, i64 at, i64 count, const float* v) {
    if (at + 8 <= count && ((unsigned long long)(to + at) & 15) == 0)
        *(uint4*)(to + at) = make_uint4(pair(v[0], v[1]), pair(v[2], v[3]), pair(v[4], v[5]), pair(v[6], v[7]));
    else
        for (int e = 0; e < 8 && at + e < count; e++) to[at + e] = (u16)narrow(v[e]);
}
__device__ __forceinline__ void put(float* to, i64 at, i64 count, const float* v) {
    if (at + 8 <= count && ((unsigned long long)(to + at) & 15) == 0) {
        *(float4*)(to + at) = make_float4(v[0], v[1], v[2], v[3]);
        *(float4*)(to + at + 4) = make_float4(v[4], v[5], v[6], v[7]);
    } else
        for (int e = 0; e < 8 && at + e < count; e++) to[at + e] = v[e];
}

// codes: two a byte, the first in the upper half. absmax: float of each 64, or with nested their bytes, map[byte] * nested[of 256] + offset.
template <class T> __device__ __forceinline__ void nf4(const u8* codes, const void* absmax, const float* nested, const float* map, float offset, T* to, i64 count) {
    __shared__ float values[16], scales[256];
    if (threadIdx.x < 16) values[threadIdx.x] = NF4[threadIdx.x];
    if (nested) scales[threadIdx.x] = map[threadIdx.x];
    __syncthreads();
    for (i64 i = (i64)blockIdx.x * blockDim.x + threadIdx.x; i * 8 < count; i += (i64)gridDim.x * blockDim.x) {
        u32 word = 0;
        if (i * 8 + 8 <= count) word = ((const u32*)codes)[i];
        else for (int b = 0; b < 4 && i * 8 + 2 * b < count; b++) word |= (u32)codes[i * 4 + b] << (8 * b);
        i64 block = i >> 3;
        float scale = nested ? scales[((const u8*)absmax)[block]] * nested[block >> 8] + offset : ((const float*)absmax)[block];
        float v[8];
        #pragma unroll
        for (int e = 0; e < 8; e++) v[e] = values[(word >> ((e >> 1) * 8 + (e & 1 ? 0 : 4))) & 15u] * scale;
        put(to, i * 8, count, v);
    }
}

// absmax: of each row.
template <class T> __device__ __forceinline__ void int8(const signed char* codes, const float* absmax, i64 columns, T* to, i64 count) {
    for (i64 i = (i64)blockIdx.x * blockDim.x + threadIdx.x; i * 8 < count; i += (i64)gridDim.x * blockDim.x) {
        float v[8];
        if (columns % 8 == 0) {
            uint2 word = ((const uint2*)codes)[i];
            float scale = absmax[i * 8 / columns] / 127.f;
            #pragma unroll
            for (int e = 0; e < 8; e++) v[e] = (float)(signed char)((e < 4 ? word.x : word.y) >> (8 * (e & 3))) * scale;
        } else
            for (int e = 0; e < 8; e++) v[e] = i * 8 + e < count ? (float)codes[i * 8 + e] * (absmax[(i * 8 + e) / columns] / 127.f) : 0.f;
        put(to, i * 8, count, v);
    }
}

#define KERNELS(NAME, TYPE) \
    extern "C" __global__ void nf4To##NAME(const u8* codes, const void* absmax, const float* nested, const float* map, float offset, TYPE* to, i64 count) { \
        nf4(codes, absmax, nested, map, offset, to, count); } \
    extern "C" __global__ void int8To##NAME(const signed char* codes, const float* absmax, i64 columns, TYPE* to, i64 count) { \
        int8(codes, absmax, columns, to, count); }
KERNELS(BFloat16, u16) KERNELS(Float32, float)
