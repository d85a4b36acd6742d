// The kernels of CudaExecutor, compiled at run time by NVRTC without any header, for one model's shape (HEADS, KV_HEADS, HEAD_DIM).
// bfloat16 is handled as its bits. This file: what all share, norms, embedding and products of few rows; attend.cu and draw.cu follow it.
//
// Activations that a product reads lie in one of two ways. tiles = 0: [rows, width], for cuBLAS. tiles > 0: as the tensor core's operand,
// 16 bytes (an octet of columns) a lane: [width / 32][tiles][32 lanes], lane = (row % 8) * 4 + octet % 4, so that a warp's load is 512
// bytes side by side.
//
// A kernel may start while the one before it still runs (programmatic dependent launch): it calls later() at once, may read weights and
// the step's inputs, and calls earlier() before it touches what other kernels write.
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
__device__ __forceinline__ u16 narrow(float v) { return (u16)(pack(v, 0.f) & 0xffffu); }
__device__ __forceinline__ void unpack(uint4 v, float* f) {
    f[0] = low(v.x); f[1] = high(v.x); f[2] = low(v.y); f[3] = high(v.y);
    f[4] = low(v.z); f[5] = high(v.z); f[6] = low(v.w); f[7] = high(v.w);
}
__device__ __forceinline__ uint4 packed(const float* f) {
    return make_uint4(pack(f[0], f[1]), pack(f[2], f[3]), pack(f[4], f[5]), pack(f[6], f[7]));
}
__device__ __forceinline__ void read8(const float* from, float* f) {
    *(float4*)f = *(const float4*)from;
    *(float4*)(f + 4) = *(const float4*)(from + 4);
}
__device__ __forceinline__ void write8(float* to, const float* f) {
    *(float4*)to = *(const float4*)f;
    *(float4*)(to + 4) = *(const float4*)(f + 4);
}

__device__ __forceinline__ void earlier() {
#if __CUDA_ARCH__ >= 900
    asm volatile("griddepcontrol.wait;" ::: "memory");
#endif
}
__device__ __forceinline__ void later() {
#if __CUDA_ARCH__ >= 900
    asm volatile("griddepcontrol.launch_dependents;" ::: "memory");
#endif
}
__device__ __forceinline__ void toL2(const void* at) { asm volatile("prefetch.global.L2 [%0];" :: "l"(at)); }

// Weights are read once a step: they need no place in L1.
__device__ __forceinline__ uint4 weight(const uint4* at) {
    uint4 v;
    asm volatile("ld.global.nc.L1::no_allocate.L2::128B.v4.u32 {%0, %1, %2, %3}, [%4];" : "=r"(v.x), "=r"(v.y), "=r"(v.z), "=r"(v.w) : "l"(at));
    return v;
}

__device__ __forceinline__ i64 octetAt(int row, int octet, int tiles, int octets) {
    return tiles ? ((i64)(octet >> 2) * tiles + (row >> 3)) * 32 + (row & 7) * 4 + (octet & 3) : (i64)row * octets + octet;
}

__device__ __forceinline__ float warpSum(float v) {
    #pragma unroll
    for (int i = 16; i > 0; i >>= 1) v += __shfl_xor_sync(0xffffffffu, v, i);
    return v;
}
__device__ __forceinline__ float blockSum(float v) {
    __shared__ float part[32];
    v = warpSum(v);
    __syncthreads();
    if ((threadIdx.x & 31) == 0) part[threadIdx.x >> 5] = v;
    __syncthreads();
    v = 0.f;
    for (int i = 0; i < (blockDim.x >> 5); i++) v += part[i];
    return v;
}

__device__ __forceinline__ void product(float* c, u32 a0, u32 a1, u32 a2, u32 a3, u32 b0, u32 b1) {
    asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
        : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3]) : "r"(a0), "r"(a1), "r"(a2), "r"(a3), "r"(b0), "r"(b1));
}

// silu, or gelu in its tanh form
__device__ __forceinline__ float activated(float g, int gelu) {
    return gelu ? 0.5f * g * (1.f + tanhf(0.7978845608028654f * (g + 0.044715f * g * g * g))) : g / (1.f + __expf(-g));
}

// x[row] = embedding[id] * scale, rounded to bfloat16 as the model's own; a row without a token (-1) is zero. One block a row.
extern "C" __global__ void embed(const int* ids, const uint4* table, float* x, int octets, float scale) {
    later();
    int id = ids[blockIdx.x];
    earlier();
    for (int i = threadIdx.x; i < octets; i += blockDim.x) {
        float f[8] = {};
        if (id >= 0) {
            unpack(table[(i64)id * octets + i], f);
            for (int e = 0; e < 8; e++) f[e] *= scale;
            unpack(packed(f), f);
        }
        write8(x + ((i64)blockIdx.x * octets + i) * 8, f);
    }
}

// out[b] = x[rows[b]] / rms * w (1 + w with plusOne); rows null: x[b]; a row of -1 is left out. One block a row.
extern "C" __global__ void rmsNorm(const float* x, const int* rows, const uint4* w, uint4* out, int octets, float epsilon, int plusOne, int tiles) {
    later();
    int row = rows ? rows[blockIdx.x] : blockIdx.x;
    uint4 first = threadIdx.x < octets ? w[threadIdx.x] : make_uint4(0, 0, 0, 0);
    earlier();
    if (row < 0) return;
    x += (i64)row * octets * 8;
    float squares = 0.f, f[8], g[8];
    for (int i = threadIdx.x; i < octets; i += blockDim.x) {
        read8(x + i * 8, f);
        for (int e = 0; e < 8; e++) squares += f[e] * f[e];
    }
    float r = rsqrtf(blockSum(squares) / (octets * 8) + epsilon);
    for (int i = threadIdx.x; i < octets; i += blockDim.x) {
        read8(x + i * 8, f);
        unpack(i == threadIdx.x ? first : w[i], g);
        for (int e = 0; e < 8; e++) f[e] *= r * (plusOne ? 1.f + g[e] : g[e]);
        out[octetAt(blockIdx.x, i, tiles, octets)] = packed(f);
    }
}

// x += y / rms(y) * w: the norm on what attention and MLP give (Gemma 2). One block a row.
extern "C" __global__ void addNormed(float* x, const float* y, const uint4* w, int octets, float epsilon, int plusOne) {
    later();
    earlier();
    i64 at = (i64)blockIdx.x * octets * 8;
    float squares = 0.f, f[8], g[8], s[8];
    for (int i = threadIdx.x; i < octets; i += blockDim.x) {
        read8(y + at + i * 8, f);
        for (int e = 0; e < 8; e++) squares += f[e] * f[e];
    }
    float r = rsqrtf(blockSum(squares) / (octets * 8) + epsilon);
    for (int i = threadIdx.x; i < octets; i += blockDim.x) {
        read8(y + at + i * 8, f);
        read8(x + at + i * 8, s);
        unpack(w[i], g);
        for (int e = 0; e < 8; e++) s[e] += f[e] * r * (plusOne ? 1.f + g[e] : g[e]);
        write8(x + at + i * 8, s);
    }
}

// y[row] += bias; one block a row.
extern "C" __global__ void addBias(float* y, const uint4* bias, int octets) {
    later();
    earlier();
    for (int i = threadIdx.x; i < octets; i += blockDim.x) {
        float f[8], g[8], * at = y + ((i64)blockIdx.x * octets + i) * 8;
        read8(at, f);
        unpack(bias[i], g);
        for (int e = 0; e < 8; e++) f[e] += g[e];
        write8(at, f);
    }
}

// gateUp [rows, 2 * width] -> act(gate) * up. One block a row.
extern "C" __global__ void gateUp(const uint4* both, uint4* out, int octets, int gelu, int tiles) {
    later();
    earlier();
    i64 at = (i64)blockIdx.x * 2 * octets;
    for (int i = threadIdx.x; i < octets; i += blockDim.x) {
        float g[8], u[8];
        unpack(both[at + i], g);
        unpack(both[at + octets + i], u);
        for (int e = 0; e < 8; e++) g[e] = activated(g[e], gelu) * u[e];
        out[octetAt(blockIdx.x, i, tiles, octets)] = packed(g);
    }
}

// sums[column] += the rows' values: for a mean of hidden states.
extern "C" __global__ void addRows(const u16* x, float* sums, int rows, int width) {
    later();
    earlier();
    int column = blockIdx.x * blockDim.x + threadIdx.x;
    if (column >= width) return;
    float sum = sums[column];
    for (int row = 0; row < rows; row++) sum += wide(x[(i64)row * width + column]);
    sums[column] = sum;
}

// What becomes of a product y [n, rows].
#define NARROW 0    // out bfloat16 [n, ld] = y
#define ADD 1       // out float32 [n, ld] += y + bias
#define WRITE 2     // out float32 [n, ld] = y + bias
#define GATED 3     // W is gate over up: out octets (ld of them a row, laid out in tiles) = act(gate) * up

struct Product {
    const uint4* w;         // [rows, k], row after row
    const uint4* x;         // in tiles
    void* out;
    const u16* bias;        // of ADD and WRITE, or null
    float* partial;         // for splits: [block][split][rows of the block * NT * 8]
    int* counters;          // a zero for each block in x; zero again afterwards
    int rows, octets, n, ld, mode, gelu;
};

// y = x * Wᵀ for at most NT * 8 rows of x, bound by the reading of W. The tensor core's k may be in any order, as long as both operands
// have the same: lane c of a quad takes columns 8c..8c+7 of 32, one 16-byte load a row, W straight from memory to registers. A warp has MT
// tiles of 16 rows of W; the block's eight warps are RW along the rows times 8 / RW along k; gridDim.y splits k between blocks, of which
// the last one to come adds up what all left, in a fixed order. GATED: the upper half of a tile of 16 is gate's rows, the lower up's.
template <int NT, int MT, int RW, int DEPTH> __device__ __forceinline__ void productTiles(const Product& p) {
    const int KW = 8 / RW, N = NT * 8, R = RW * MT * 16;
    extern __shared__ float parts[]; // [8 warps][MT * 16][N]
    int warp = threadIdx.x >> 5, lane = threadIdx.x & 31, group = lane >> 2, quad = lane & 3, rw = warp % RW, kw = warp / RW;
    bool gated = p.mode == GATED;
    int half = p.rows >> 1, top = gated ? half : p.rows;
    later();
    const uint4* at[2 * MT];
    #pragma unroll
    for (int i = 0; i < 2 * MT; i++) {
        int tile = (blockIdx.x * RW + rw) * MT;
        int row = gated ? (tile + i / 2) * 8 + group : tile * 16 + i * 8 + group;
        row = min(row, top - 1) + (gated && (i & 1) ? half : 0);
        at[i] = p.w + (i64)row * p.octets + quad;
    }
    int chunks = p.octets >> 3, step = KW * gridDim.y, c = blockIdx.y * KW + kw;
    uint4 a[DEPTH][2 * MT][2];
    #pragma unroll
    for (int d = 0; d < DEPTH; d++)
        if (c + d * step < chunks)
            #pragma unroll
            for (int i = 0; i < 2 * MT; i++) {
                a[d][i][0] = weight(at[i] + (c + d * step) * 8);
                a[d][i][1] = weight(at[i] + (c + d * step) * 8 + 4);
            }
    earlier();
    float acc[MT][NT][4] = {};
    while (c < chunks) {
        #pragma unroll
        for (int d = 0; d < DEPTH; d++, c += step) {
            if (c >= chunks) break;
            #pragma unroll
            for (int s = 0; s < 2; s++) {
                const uint4* x = p.x + (i64)(c * 2 + s) * NT * 32 + lane;
                uint4 b[NT];
                #pragma unroll
                for (int t = 0; t < NT; t++) b[t] = t * 8 + group < p.n ? x[t * 32] : make_uint4(0, 0, 0, 0);
                #pragma unroll
                for (int t = 0; t < NT; t++)
                    #pragma unroll
                    for (int m = 0; m < MT; m++) {
                        product(acc[m][t], a[d][2 * m][s].x, a[d][2 * m + 1][s].x, a[d][2 * m][s].y, a[d][2 * m + 1][s].y, b[t].x, b[t].y);
                        product(acc[m][t], a[d][2 * m][s].z, a[d][2 * m + 1][s].z, a[d][2 * m][s].w, a[d][2 * m + 1][s].w, b[t].z, b[t].w);
                    }
            }
            if (c + DEPTH * step < chunks)
                #pragma unroll
                for (int i = 0; i < 2 * MT; i++) {
                    a[d][i][0] = weight(at[i] + (c + DEPTH * step) * 8);
                    a[d][i][1] = weight(at[i] + (c + DEPTH * step) * 8 + 4);
                }
        }
    }
    #pragma unroll
    for (int m = 0; m < MT; m++)
        #pragma unroll
        for (int t = 0; t < NT; t++)
            #pragma unroll
            for (int e = 0; e < 4; e++)
                parts[((warp * MT + m) * 16 + group + (e >> 1) * 8) * N + t * 8 + quad * 2 + (e & 1)] = acc[m][t][e];
    __syncthreads();

    // An item is one row of x and an octet of W's rows. Of a gated product two octets make one.
    const int OCTETS = R / 8;
    float* mine = p.partial + ((i64)blockIdx.x * gridDim.y + blockIdx.y) * R * N;
    if (gridDim.y > 1) {
        for (int i = threadIdx.x; i < OCTETS * N; i += blockDim.x) {
            int o = i / N, t = i % N;
            #pragma unroll
            for (int e = 0; e < 8; e++) {
                float sum = 0.f;
                #pragma unroll
                for (int k = 0; k < KW; k++) sum += parts[(((k * RW + o / (2 * MT)) * MT * 16) + (o % (2 * MT)) * 8 + e) * N + t];
                mine[(o * 8 + e) * N + t] = sum;
            }
        }
        __shared__ int last;
        __threadfence();
        __syncthreads();
        if (threadIdx.x == 0) last = atomicAdd(p.counters + blockIdx.x, 1) == gridDim.y - 1;
        __syncthreads();
        if (!last) return;
        __threadfence();
        if (threadIdx.x == 0) p.counters[blockIdx.x] = 0;
    }
    const float* all = p.partial + (i64)blockIdx.x * gridDim.y * R * N;
    int items = (gated ? OCTETS / 2 : OCTETS) * N;
    for (int i = threadIdx.x; i < items; i += blockDim.x) {
        int q = i / N, t = i % N;
        if (t >= p.n) continue;
        float y[2][8];
        #pragma unroll
        for (int h = 0; h < 2; h++) {
            if (h == 1 && !gated) break;
            int o = gated ? 2 * q + h : q;
            #pragma unroll
            for (int e = 0; e < 8; e++) {
                float sum = 0.f;
                if (gridDim.y > 1)
                    for (int k = 0; k < gridDim.y; k++) sum += __ldcg(all + ((i64)k * R + o * 8 + e) * N + t);
                else
                    #pragma unroll
                    for (int k = 0; k < KW; k++) sum += parts[(((k * RW + o / (2 * MT)) * MT * 16) + (o % (2 * MT)) * 8 + e) * N + t];
                y[h][e] = sum;
            }
        }
        int row = (blockIdx.x * (gated ? OCTETS / 2 : OCTETS) + q) * 8;
        if (row >= top) continue;
        if (gated) {
            #pragma unroll
            for (int e = 0; e < 8; e++) y[0][e] = activated(y[0][e], p.gelu) * y[1][e];
            ((uint4*)p.out)[octetAt(t, row >> 3, NT, p.ld)] = packed(y[0]);
        } else if (p.mode == NARROW) {
            *(uint4*)((u16*)p.out + (i64)t * p.ld + row) = packed(y[0]);
        } else {
            float* to = (float*)p.out + (i64)t * p.ld + row;
            #pragma unroll
            for (int e = 0; e < 8; e++)
                if (row + e < top) to[e] = y[0][e] + (p.bias ? wide(p.bias[row + e]) : 0.f) + (p.mode == ADD ? to[e] : 0.f);
        }
    }
}
#define PRODUCT(NT, MT, RW, DEPTH, BLOCKS) extern "C" __global__ void __launch_bounds__(256, BLOCKS) product_##NT##_##MT##_##RW##_##DEPTH(const __grid_constant__ Product p) { \
    productTiles<NT, MT, RW, DEPTH>(p); }
PRODUCT(1, 1, 1, 2, 3) PRODUCT(1, 1, 1, 4, 2) PRODUCT(2, 1, 1, 2, 3) PRODUCT(2, 2, 1, 2, 2)
#ifdef VARIANTS
PRODUCT(1, 1, 1, 3, 2) PRODUCT(1, 1, 1, 6, 1) PRODUCT(1, 2, 1, 2, 2) PRODUCT(1, 2, 1, 3, 1) PRODUCT(1, 2, 1, 4, 1) PRODUCT(1, 1, 2, 2, 3) PRODUCT(1, 1, 2, 4, 2)
PRODUCT(2, 1, 1, 3, 2) PRODUCT(2, 1, 1, 4, 2) PRODUCT(2, 2, 1, 3, 1) PRODUCT(2, 1, 2, 2, 3) PRODUCT(2, 1, 2, 4, 2)
#endif

// LoRA beside the base. A slot of the table holds PER_SLOT adapters, one for each linear layer; a is [rank, in], b [out, rank], bfloat16,
// the rank a multiple of eight.
struct LowRank { const uint4* a; const uint4* b; int rank; float scale; };

// down[row][layer of the group][rank] = scale * x[row] * Aᵀ, for the layers first..first + gridDim.x - 1 of each row's adapter.
extern "C" __global__ void loraDown(const uint4* x, const int* adapters, const LowRank* table, int perSlot, int first, float* down, int most, int octets, int tiles) {
    later();
    int slot = adapters[blockIdx.y];
    earlier();
    if (slot < 0) return;
    LowRank l = table[slot * perSlot + first + blockIdx.x];
    for (int r = threadIdx.x >> 5; r < l.rank; r += blockDim.x >> 5) {
        float sum = 0.f, f[8], g[8];
        for (int i = threadIdx.x & 31; i < octets; i += 32) {
            unpack(x[octetAt(blockIdx.y, i, tiles, octets)], f);
            unpack(l.a[(i64)r * octets + i], g);
            for (int e = 0; e < 8; e++) sum += f[e] * g[e];
        }
        sum = warpSum(sum);
        if ((threadIdx.x & 31) == 0) down[((i64)blockIdx.y * gridDim.x + blockIdx.x) * most + r] = sum * l.scale;
    }
}

// y[row][start + column] += down * Bᵀ; y is float32, or bfloat16. Layers of a group lie side by side in y: widths first, second, second.
extern "C" __global__ void loraUp(void* y, int isWide, int ld, const int* adapters, const LowRank* table, int perSlot, int first, const float* down, int most, int width, int others) {
    later();
    int slot = adapters[blockIdx.y];
    earlier();
    int mine = blockIdx.z == 0 ? width : others, column = blockIdx.x * blockDim.x + threadIdx.x;
    if (slot < 0 || column >= mine) return;
    LowRank l = table[slot * perSlot + first + blockIdx.z];
    if (l.rank == 0) return;
    const float* d = down + ((i64)blockIdx.y * gridDim.z + blockIdx.z) * most;
    float sum = 0.f, g[8];
    for (int r = 0; r < l.rank; r += 8) {
        unpack(l.b[((i64)column * l.rank + r) >> 3], g);
        for (int e = 0; e < 8; e++) sum += d[r + e] * g[e];
    }
    i64 at = (i64)blockIdx.y * ld + (blockIdx.z == 0 ? 0 : width + (blockIdx.z - 1) * others) + column;
    if (isWide) ((float*)y)[at] += sum;
    else ((u16*)y)[at] = narrow(wide(((u16*)y)[at]) + sum);
}
