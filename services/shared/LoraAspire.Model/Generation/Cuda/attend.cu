// Attention over the paged cache. Of one layer: keys and values [block][KV_HEADS][16 positions][HEAD_DIM]. A row of q|k|v is
// [(HEADS + 2 * KV_HEADS) * HEAD_DIM], before bias, norm and rope. tables [sequence][stride] holds each sequence's blocks; stride is the
// first word of the step's inputs, so that one graph serves any context.
#define HALF (HEAD_DIM / 2)
#define PAIRS ((HALF + 31) / 32)
#define WIDTH ((HEADS + 2 * KV_HEADS) * HEAD_DIM)
#define GROUP (HEADS / KV_HEADS)
#define QUERIES (GROUP % 4 == 0 ? 4 : GROUP % 2 == 0 ? 2 : 1)   // heads of q that a block of attendOne takes, all of one head of k
#define PARTS (GROUP / QUERIES)
#define OCTETS (HEAD_DIM / 8)
#define LANES (OCTETS <= 4 ? 4 : OCTETS <= 8 ? 8 : OCTETS <= 16 ? 16 : 32)  // that read one position
#define SLOTS (32 / LANES)
#define LOADS (16 / SLOTS)
#define BATCH (QUERIES == 4 || LOADS < 8 ? (LOADS < 4 ? LOADS : 4) : 8)
#define NEVER (-1e30f)

struct Heads {
    u16* qkv;
    const u16* bias;        // of q|k|v, or null
    const u16* qNorm;       // of one head, or null
    const u16* kNorm;
    const float* cosine;    // [positions, HEAD_DIM]
    const float* sine;
    u16* keys;
    u16* values;
    float epsilon;
    int plusOne;
    float scale, cap;       // cap 0: none
    int window;             // positions that a query sees, itself included; 0: all
};

// A head of q or k, by a warp: bias, norm, rope. Lane l has the pairs (l + 32 p, HALF + l + 32 p).
__device__ __forceinline__ void turned(const Heads& h, const u16* from, const u16* bias, const u16* weights, int position, float* a, float* b) {
    int lane = threadIdx.x & 31;
    float squares = 0.f;
    #pragma unroll
    for (int p = 0; p < PAIRS; p++) {
        int i = lane + 32 * p;
        a[p] = b[p] = 0.f;
        if (i < HALF) {
            a[p] = wide(from[i]) + (bias ? wide(bias[i]) : 0.f);
            b[p] = wide(from[i + HALF]) + (bias ? wide(bias[i + HALF]) : 0.f);
            squares += a[p] * a[p] + b[p] * b[p];
        }
    }
    float r = weights ? rsqrtf(warpSum(squares) / HEAD_DIM + h.epsilon) : 1.f;
    #pragma unroll
    for (int p = 0; p < PAIRS; p++) {
        int i = lane + 32 * p;
        if (i < HALF) {
            if (weights) {
                float plus = h.plusOne ? 1.f : 0.f;
                a[p] *= r * (plus + wide(weights[i]));
                b[p] *= r * (plus + wide(weights[i + HALF]));
            }
            float c = h.cosine[(i64)position * HEAD_DIM + i], s = h.sine[(i64)position * HEAD_DIM + i], first = a[p];
            a[p] = first * c - b[p] * s;
            b[p] = b[p] * c + first * s;
        }
    }
}
__device__ __forceinline__ i64 cached(int block, int kvHead, int position) {
    return (((i64)block * KV_HEADS + kvHead) * 16 + (position & 15)) * HEAD_DIM;
}
__device__ __forceinline__ void store(u16* to, const float* a, const float* b) {
    #pragma unroll
    for (int p = 0; p < PAIRS; p++) {
        int i = (threadIdx.x & 31) + 32 * p;
        if (i < HALF) { to[i] = narrow(a[p]); to[i + HALF] = narrow(b[p]); }
    }
}
// Puts k and v of a row into the cache, by a warp each (which: 0 k, 1 v).
__device__ __forceinline__ void remember(const Heads& h, i64 row, int kvHead, int position, int block, int which) {
    int column = (HEADS + which * KV_HEADS + kvHead) * HEAD_DIM;
    const u16* from = h.qkv + row * WIDTH + column;
    const u16* bias = h.bias ? h.bias + column : 0;
    i64 to = cached(block, kvHead, position);
    if (which == 0) {
        float a[PAIRS], b[PAIRS];
        turned(h, from, bias, h.kNorm, position, a, b);
        store(h.keys + to, a, b);
    } else {
        for (int i = threadIdx.x & 31; i < HEAD_DIM; i += 32) h.values[to + i] = bias ? narrow(wide(from[i]) + wide(bias[i])) : from[i];
    }
}
__device__ __forceinline__ float capped(const Heads& h, float score) { return h.cap > 0.f ? h.cap * tanhf(score / h.cap) : score; }

__device__ __forceinline__ void writeOut(u16* out, int tiles, int row, int column, float v) {
    out[octetAt(row, column >> 3, tiles, HEADS * OCTETS) * 8 + (column & 7)] = narrow(v);
}

// One new token a sequence: bias, norm and rope of its heads, its k and v into the cache, attention over all positions.
// Grid (KV_HEADS * PARTS, sequences, splits of the positions), up to eight warps. With one split out is written; with more, addSplits follows.
extern "C" __global__ void __launch_bounds__(256, 2) attendOne(const __grid_constant__ Heads h, const int* header, const int* positions, const int* tables, int share, u16* out, int tiles, float* partial) {
    __shared__ float q[QUERIES][HEAD_DIM];
    __shared__ float sums[8 * SLOTS][QUERIES][HEAD_DIM];
    __shared__ float tops[8 * SLOTS][QUERIES], totals[8 * SLOTS][QUERIES];
    later();
    int row = blockIdx.y, kvHead = blockIdx.x / PARTS, part = blockIdx.x % PARTS, warp = threadIdx.x >> 5, lane = threadIdx.x & 31;
    int head = kvHead * GROUP + part * QUERIES, warps = blockDim.x >> 5;
    int position = positions[row], end = position + 1, sub = lane % LANES, slot = lane / LANES;
    const int* table = tables + (i64)row * header[0];
    int begin = max(h.window > 0 ? end - h.window : 0, (int)blockIdx.z * share), stop = min(end, (int)(blockIdx.z + 1) * share);
    begin = max(begin, 0);
    bool has = position >= 0 && begin < stop, owns = has && stop == end;
    if (has) {
        int c = begin / 16 + warp;
        if (c * 16 < stop) {
            i64 at = cached(table[c], kvHead, 0);
            for (int i = lane; i < 16 * HEAD_DIM / 64; i += 32) { toL2(h.keys + at + i * 64); toL2(h.values + at + i * 64); }
        }
    }
    earlier();
    if (!has) {
        if (position >= 0 && gridDim.z > 1)
            for (int j = threadIdx.x; j < QUERIES; j += blockDim.x) {
                float* to = partial + (((i64)row * HEADS + head + j) * gridDim.z + blockIdx.z) * (HEAD_DIM + 2);
                to[HEAD_DIM] = NEVER;
                to[HEAD_DIM + 1] = 0.f;
            }
        return;
    }
    for (int task = warp; task < QUERIES + 2; task += warps) {
        if (task >= QUERIES) {
            if (owns) remember(h, row, kvHead, position, table[position >> 4], task - QUERIES);
            continue;
        }
        float a[PAIRS], b[PAIRS];
        int column = (head + task) * HEAD_DIM;
        turned(h, h.qkv + (i64)row * WIDTH + column, h.bias ? h.bias + column : 0, h.qNorm, position, a, b);
        #pragma unroll
        for (int p = 0; p < PAIRS; p++) {
            int i = lane + 32 * p;
            if (i < HALF) { q[task][i] = a[p] * h.scale; q[task][i + HALF] = b[p] * h.scale; }
        }
    }
    __syncthreads();

    bool active = sub < OCTETS;
    float qs[QUERIES][8], acc[QUERIES][8] = {}, top[QUERIES], total[QUERIES] = {};
    #pragma unroll
    for (int j = 0; j < QUERIES; j++) {
        top[j] = NEVER;
        #pragma unroll
        for (int e = 0; e < 8; e++) qs[j][e] = active ? q[j][sub * 8 + e] : 0.f;
    }
    for (int c = begin / 16 + warp; c * 16 < stop; c += warps) {
        i64 at = cached(table[c], kvHead, 0) + sub * 8;
        #pragma unroll
        for (int first = 0; first < LOADS; first += BATCH) {
            uint4 k[BATCH], v[BATCH];
            #pragma unroll
            for (int i = 0; i < BATCH; i++) {
                i64 from = at + ((first + i) * SLOTS + slot) * HEAD_DIM;
                bool there = active && c * 16 + (first + i) * SLOTS + slot < stop;
                k[i] = there ? *(const uint4*)(h.keys + from) : make_uint4(0, 0, 0, 0);
                v[i] = there ? *(const uint4*)(h.values + from) : make_uint4(0, 0, 0, 0);
            }
            #pragma unroll
            for (int j = 0; j < QUERIES; j++) {
                float s[BATCH], best = top[j];
                #pragma unroll
                for (int i = 0; i < BATCH; i++) {
                    float f[8], dot = 0.f;
                    unpack(k[i], f);
                    #pragma unroll
                    for (int e = 0; e < 8; e++) dot += f[e] * qs[j][e];
                    #pragma unroll
                    for (int d = LANES / 2; d > 0; d >>= 1) dot += __shfl_xor_sync(0xffffffffu, dot, d);
                    int p = c * 16 + (first + i) * SLOTS + slot;
                    s[i] = p >= begin && p < stop ? capped(h, dot) : NEVER;
                    best = fmaxf(best, s[i]);
                }
                float shrink = __expf(top[j] - best);
                top[j] = best;
                total[j] *= shrink;
                #pragma unroll
                for (int e = 0; e < 8; e++) acc[j][e] *= shrink;
                #pragma unroll
                for (int i = 0; i < BATCH; i++) {
                    float f[8], w = s[i] > 0.5f * NEVER ? __expf(s[i] - best) : 0.f;
                    unpack(v[i], f);
                    total[j] += w;
                    #pragma unroll
                    for (int e = 0; e < 8; e++) acc[j][e] += w * f[e];
                }
            }
        }
    }
    #pragma unroll
    for (int j = 0; j < QUERIES; j++) {
        if (active) write8(&sums[warp * SLOTS + slot][j][sub * 8], acc[j]);
        if (sub == 0) { tops[warp * SLOTS + slot][j] = top[j]; totals[warp * SLOTS + slot][j] = total[j]; }
    }
    __syncthreads();
    for (int i = threadIdx.x; i < QUERIES * HEAD_DIM; i += blockDim.x) {
        int j = i / HEAD_DIM, column = i % HEAD_DIM;
        float best = NEVER, sum = 0.f, weight = 0.f;
        for (int s = 0; s < warps * SLOTS; s++) best = fmaxf(best, tops[s][j]);
        for (int s = 0; s < warps * SLOTS; s++) {
            float w = __expf(tops[s][j] - best);
            weight += w * totals[s][j];
            sum += w * sums[s][j][column];
        }
        if (gridDim.z == 1) {
            writeOut(out, tiles, row, (head + j) * HEAD_DIM + column, sum / weight);
        } else {
            float* to = partial + (((i64)row * HEADS + head + j) * gridDim.z + blockIdx.z) * (HEAD_DIM + 2);
            to[column] = sum;
            if (column == 0) { to[HEAD_DIM] = best; to[HEAD_DIM + 1] = weight; }
        }
    }
}

// Adds up the splits. Grid (HEADS, sequences), HEAD_DIM threads.
extern "C" __global__ void addSplits(const float* partial, const int* positions, int splits, u16* out, int tiles) {
    later();
    int row = blockIdx.y, position = positions[row];
    earlier();
    if (position < 0) return;
    const float* from = partial + ((i64)row * HEADS + blockIdx.x) * splits * (HEAD_DIM + 2);
    float best = NEVER, sum = 0.f, weight = 0.f;
    for (int s = 0; s < splits; s++) best = fmaxf(best, from[s * (HEAD_DIM + 2) + HEAD_DIM]);
    for (int s = 0; s < splits; s++) {
        const float* one = from + s * (HEAD_DIM + 2);
        if (one[HEAD_DIM + 1] > 0.f) {
            float w = __expf(one[HEAD_DIM] - best);
            weight += w * one[HEAD_DIM + 1];
            sum += w * one[threadIdx.x];
        }
    }
    writeOut(out, tiles, row, blockIdx.x * HEAD_DIM + threadIdx.x, sum / weight);
}

// For many tokens of a sequence: heads of q in place, k and v into the cache. Grid: rows from first on; owners: each one's sequence.
extern "C" __global__ void __launch_bounds__(256) turn(const __grid_constant__ Heads h, const int* header, const int* positions, const int* owners, const int* tables, int first) {
    later();
    int row = first + blockIdx.x, position = positions[row];
    const int* table = tables + (i64)owners[row] * header[0];
    int block = table[position >> 4];
    earlier();
    for (int head = threadIdx.x >> 5; head < HEADS + 2 * KV_HEADS; head += 8) {
        if (head < HEADS) {
            float a[PAIRS], b[PAIRS];
            u16* at = h.qkv + (i64)row * WIDTH + head * HEAD_DIM;
            turned(h, at, h.bias ? h.bias + head * HEAD_DIM : 0, h.qNorm, position, a, b);
            __syncwarp();
            store(at, a, b);
        } else {
            int kv = head - HEADS;
            remember(h, row, kv % KV_HEADS, position, block, kv / KV_HEADS);
        }
    }
}

#define TILE 64
#define QK_LD (HEAD_DIM + (HEAD_DIM % 64 == 0 ? 32 : 64))   // rows sixteen banks apart: 16-byte reads of two rows don't meet
#define V_LD (HEAD_DIM + 8)

// Attention of up to 64 queries of one sequence, after turn: flash attention (Dao et al. 2022) with the tensor core. Grid (tiles, HEADS),
// 128 threads; a warp has sixteen queries. Tile: first row, count, position of the first, sequence. out [rows, HEADS * HEAD_DIM].
extern "C" __global__ void __launch_bounds__(128) attendMany(const __grid_constant__ Heads h, const int* header, const int4* work, const int* tables, u16* out) {
    extern __shared__ u16 shared[];
    later();
    u16* q = shared;
    u16* keys = q + TILE * QK_LD;
    u16* values = keys + TILE * QK_LD;
    int4 tile = work[blockIdx.x];
    int head = blockIdx.y, kvHead = head / GROUP, warp = threadIdx.x >> 5, lane = threadIdx.x & 31, group = lane >> 2, quad = lane & 3;
    const int* table = tables + (i64)tile.w * header[0];
    int end = tile.z + tile.y, start = h.window > 0 ? max(0, tile.z - h.window + 1) / TILE * TILE : 0;
    earlier();
    for (int i = threadIdx.x; i < TILE * OCTETS; i += 128) {
        int r = i / OCTETS, o = i % OCTETS;
        *(uint4*)(q + r * QK_LD + o * 8) = r < tile.y
            ? *(const uint4*)(h.qkv + (i64)(tile.x + r) * WIDTH + head * HEAD_DIM + o * 8) : make_uint4(0, 0, 0, 0);
    }
    float acc[OCTETS][4] = {}, top[2] = { NEVER, NEVER }, total[2] = {};
    for (int from = start; from < end; from += TILE) {
        __syncthreads();
        for (int i = threadIdx.x; i < TILE * OCTETS; i += 128) {
            int p = i / OCTETS, o = i % OCTETS;
            uint4 k = make_uint4(0, 0, 0, 0), v = k;
            if (from + p < end) {
                i64 at = cached(table[(from + p) >> 4], kvHead, from + p) + o * 8;
                k = *(const uint4*)(h.keys + at);
                v = *(const uint4*)(h.values + at);
            }
            *(uint4*)(keys + p * QK_LD + o * 8) = k;
            *(uint4*)(values + p * V_LD + o * 8) = v;
        }
        __syncthreads();
        float s[8][4] = {};
        #pragma unroll
        for (int kk = 0; kk < HEAD_DIM / 32; kk++) {
            uint4 a = *(const uint4*)(q + (warp * 16 + group) * QK_LD + kk * 32 + quad * 8);
            uint4 b = *(const uint4*)(q + (warp * 16 + group + 8) * QK_LD + kk * 32 + quad * 8);
            #pragma unroll
            for (int t = 0; t < 8; t++) {
                uint4 k = *(const uint4*)(keys + (t * 8 + group) * QK_LD + kk * 32 + quad * 8);
                product(s[t], a.x, b.x, a.y, b.y, k.x, k.y);
                product(s[t], a.z, b.z, a.w, b.w, k.z, k.w);
            }
        }
        #pragma unroll
        for (int r = 0; r < 2; r++) {
            int query = tile.z + warp * 16 + group + r * 8;
            float best = top[r];
            #pragma unroll
            for (int t = 0; t < 8; t++)
                #pragma unroll
                for (int e = 0; e < 2; e++) {
                    int key = from + t * 8 + quad * 2 + e;
                    bool seen = key <= query && key < end && (h.window == 0 || key > query - h.window);
                    float& score = s[t][r * 2 + e];
                    score = seen ? capped(h, score * h.scale) : NEVER;
                    best = fmaxf(best, score);
                }
            best = fmaxf(best, __shfl_xor_sync(0xffffffffu, best, 1));
            best = fmaxf(best, __shfl_xor_sync(0xffffffffu, best, 2));
            float shrink = __expf(top[r] - best);
            top[r] = best;
            total[r] *= shrink;
            #pragma unroll
            for (int o = 0; o < OCTETS; o++) { acc[o][r * 2] *= shrink; acc[o][r * 2 + 1] *= shrink; }
            #pragma unroll
            for (int t = 0; t < 8; t++)
                #pragma unroll
                for (int e = 0; e < 2; e++) {
                    float& score = s[t][r * 2 + e];
                    score = score > 0.5f * NEVER ? __expf(score - best) : 0.f;
                    total[r] += score;
                }
        }
        #pragma unroll
        for (int j = 0; j < 4; j++) {
            u32 a0 = pack(s[2 * j][0], s[2 * j][1]), a1 = pack(s[2 * j][2], s[2 * j][3]);
            u32 a2 = pack(s[2 * j + 1][0], s[2 * j + 1][1]), a3 = pack(s[2 * j + 1][2], s[2 * j + 1][3]);
            #pragma unroll
            for (int o = 0; o < OCTETS; o += 2) {
                // Four 8x8 matrices, turned: keys 0-7 and 8-15 of columns 0-7, then of 8-15.
                const u16* from8 = values + (j * 16 + ((lane >> 3) & 1) * 8 + (lane & 7)) * V_LD + (o + (lane >> 4)) * 8;
                u32 b0, b1, b2, b3;
                asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
                    : "=r"(b0), "=r"(b1), "=r"(b2), "=r"(b3) : "r"((u32)__cvta_generic_to_shared(from8)) : "memory");
                product(acc[o], a0, a1, a2, a3, b0, b1);
                product(acc[o + 1], a0, a1, a2, a3, b2, b3);
            }
        }
    }
    #pragma unroll
    for (int r = 0; r < 2; r++) {
        int mine = warp * 16 + group + r * 8;
        float sum = total[r];
        sum += __shfl_xor_sync(0xffffffffu, sum, 1);
        sum += __shfl_xor_sync(0xffffffffu, sum, 2);
        if (mine < tile.y)
            #pragma unroll
            for (int o = 0; o < OCTETS; o++)
                *(u32*)(out + (i64)(tile.x + mine) * HEADS * HEAD_DIM + head * HEAD_DIM + o * 8 + quad * 2)
                    = pack(acc[o][r * 2] / sum, acc[o][r * 2 + 1] / sum);
    }
}
