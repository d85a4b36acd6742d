// Adapters of 17 to 64 ranks with dropout: each layer's x is read twice and its gradient once, and no dropped copy is written.

// low[t, r] = scale * sum_k dropout(x)[t, k] * matrix[r, k], at most NT*8 ranks. 64 tokens a block; sixteen of them are of four warps that share out k. Warps with the same share read the same of the matrix.
// What dropout keeps goes to bits [tokens, words of 32 columns], when given. Lanes hold columns as in project.
template <int NT> __device__ __forceinline__ void projectRanksOf(const u16* x, i64 ldx, int width, const u16* matrix, u16* out, int ldo, int ranks, int tokens, unsigned char* bits, const Tiles& tiles) {
    const int Groups = 4, Shares = 4, Ahead = 2;
    int warp = threadIdx.x >> 5, lane = threadIdx.x & 31, group = lane >> 2, quad = lane & 3, share = warp / Groups, own = warp % Groups * 16, base = blockIdx.x * 16 * Groups + own;
    i64 rowBytes = (i64)(width + 31) / 32 * 4;
    Drop drop = tiles.drop[0];
    float acc[1][NT][4] = {};
    u32 counter[2];
    uint4 next[Ahead][2];
    #pragma unroll
    for (int r = 0; r < 2; r++) counter[r] = numberOf(tiles, base + group + 8 * r, tokens) * (u32)(width / 2);
    auto load = [&](uint4* to, int chunk) {
        int column = chunk * 32 + quad * 8;
        #pragma unroll
        for (int r = 0; r < 2; r++) {
            int row = base + group + 8 * r;
            to[r] = column < width && row < tokens ? *(const uint4*)(x + row * ldx + column) : make_uint4(0, 0, 0, 0);
        }
    };
    #pragma unroll
    for (int p = 0; p < Ahead; p++) load(next[p], share + p * Shares);
    for (int first = share; first * 32 < width; first += Ahead * Shares)
        #pragma unroll
        for (int p = 0; p < Ahead; p++) {
            int chunk = first + p * Shares, column = chunk * 32 + quad * 8;
            if (chunk * 32 >= width) break;
            bool inside = column < width;
            uint4 b[NT], kept[2];
            #pragma unroll
            for (int j = 0; j < NT; j++) b[j] = inside && j * 8 < ranks ? *(const uint4*)(matrix + (i64)(j * 8 + group) * width + column) : make_uint4(0, 0, 0, 0);
            #pragma unroll
            for (int r = 0; r < 2; r++) {
                kept[r] = next[p][r];
                if (!drop.threshold) continue;
                uint4 mark = marks8(drop, counter[r] + column / 2);
                kept[r] = both(kept[r], kept8(mark));
                int row = base + group + 8 * r;
                if (bits && row < tokens) bits[row * rowBytes + chunk * 4 + quad] = bitsOf(mark);
            }
            load(next[p], chunk + Ahead * Shares);
            #pragma unroll
            for (int j = 0; j < NT; j++) {
                product(acc[0][j], kept[0].x, kept[1].x, kept[0].y, kept[1].y, b[j].x, b[j].y);
                product(acc[0][j], kept[0].z, kept[1].z, kept[0].w, kept[1].w, b[j].z, b[j].w);
            }
        }
    writeSums<Shares, Groups * 16>(acc, share, own, out, ldo, ranks, tokens, tiles, true);
}

// Low-rank activations of some tokens in shared memory, for all warps of a block, the next of them on their way.
const int LowTokens = 64;
template <int NT> struct Lows { u16 rows[2][LowTokens][NT * 8 + 8]; }; // a row's end is empty, so that eight rows lie in other banks
template <int NT> __device__ __forceinline__ void fetchLows(Lows<NT>& lows, int buffer, const u16* lowRank, int ldl, int ranks, int first, int end) {
    for (int i = threadIdx.x; i < LowTokens * NT; i += blockDim.x) {
        int row = i / NT, rank = i % NT * 8;
        u16* to = &lows.rows[buffer][row][rank];
        if (first + row < end && rank < ranks)
            asm volatile("cp.async.cg.shared.global [%0], [%1], 16;" :: "r"((u32)__cvta_generic_to_shared(to)), "l"(lowRank + (i64)(first + row) * ldl + rank) : "memory");
        else *(uint4*)to = make_uint4(0, 0, 0, 0);
    }
    asm volatile("cp.async.commit_group;" ::: "memory");
}
// Sixteen tokens' sixteen ranks as the first operand of a tensor core's product; TURNED with the ranks as its rows.
template <int NT, bool TURNED> __device__ __forceinline__ void operandOf(u32 (&a)[4], const Lows<NT>& lows, int buffer, int token, int rank) {
    int lane = threadIdx.x & 31, matrix = lane >> 3, row = lane & 7;
    // Of four 8x8 matrices: rows before columns.
    int down = matrix & 1, right = matrix >> 1;
    u32 at = (u32)__cvta_generic_to_shared(&lows.rows[buffer][token + row + 8 * (TURNED ? right : down)][rank + 8 * (TURNED ? down : right)]);
    if (TURNED) asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0,%1,%2,%3}, [%4];" : "=r"(a[0]), "=r"(a[1]), "=r"(a[2]), "=r"(a[3]) : "r"(at) : "memory");
    else asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0,%1,%2,%3}, [%4];" : "=r"(a[0]), "=r"(a[1]), "=r"(a[2]), "=r"(a[3]) : "r"(at) : "memory");
}

// A warp has 32 columns and walks its share of the tokens, sixteen at a time.
// SUM: sums[r, c] += sum_t low[t, r] * dropout(x)[t, c]. Else x[t, c] += dropout'(sum_r low[t, r] * matrix[r, c]).
// bits: what project wrote; null draws again.
template <int NT, bool SUM> __device__ __forceinline__ void walkRanks(u16* x, i64 ldx, int width, const u16* lowRank, int ldl, float* sums, const u16* matrix, int ranks, int tokens, int share, const u32* bits, const Tiles& tiles) {
    __shared__ __align__(16) Lows<NT> lows;
    int lane = threadIdx.x & 31, group = lane >> 2, quad = lane & 3, chunk = blockIdx.x * (blockDim.x >> 5) + (threadIdx.x >> 5);
    int column = chunk * 32 + quad * 8, start = blockIdx.y * share, end = min(tokens, start + share);
    bool inside = column < width;
    i64 words = (width + 31) / 32;
    Drop drop = tiles.drop[0];
    fetchLows<NT>(lows, 0, lowRank, ldl, ranks, start, end);
    u32 m[SUM ? 1 : NT][4];
    if (!SUM)
        #pragma unroll
        for (int j = 0; j < NT; j++) {
            uint4 v = inside && j * 8 < ranks ? *(const uint4*)(matrix + (i64)(j * 8 + group) * width + column) : make_uint4(0, 0, 0, 0);
            #pragma unroll
            for (int c = 0; c < 4; c++) m[SUM ? 0 : j][c] = transposed(word(v, c));
        }
    float acc[SUM ? NT / 2 : 1][4][4] = {};
    const int Ahead = 2;
    uint4 next[Ahead][2];
    u32 marks[Ahead][2];
    auto load = [&](int p, int t) {
        #pragma unroll
        for (int r = 0; r < 2; r++) {
            int row = t + group + 8 * r;
            next[p][r] = inside && row < end ? *(const uint4*)(x + row * ldx + column) : make_uint4(0, 0, 0, 0);
            marks[p][r] = bits && inside && row < end ? bits[row * words + chunk] : 0;
        }
    };
    #pragma unroll
    for (int p = 0; p < Ahead; p++) load(p, start + 16 * p);
    for (int first = start, buffer = 0; first < end; first += LowTokens, buffer ^= 1) {
        fetchLows<NT>(lows, buffer ^ 1, lowRank, ldl, ranks, first + LowTokens, end);
        asm volatile("cp.async.wait_group 1;" ::: "memory");
        __syncthreads();
        #pragma unroll
        for (int s = 0; s < LowTokens / 16; s++) {
            int t = first + 16 * s, p = s % Ahead;
            if (t >= end) break;
            uint4 v[2], keep[2];
            #pragma unroll
            for (int r = 0; r < 2; r++) {
                v[r] = next[p][r];
                keep[r] = !drop.threshold ? make_uint4(~0u, ~0u, ~0u, ~0u) : bits ? mask8(marks[p][r] >> 8 * quad)
                    : keep8(drop, numberOf(tiles, t + group + 8 * r, end) * (u32)(width / 2) + column / 2);
            }
            load(p, t + 16 * Ahead);
            if (SUM) {
                u32 b[4][2];
                #pragma unroll
                for (int r = 0; r < 2; r++)
                    #pragma unroll
                    for (int c = 0; c < 4; c++) b[c][r] = transposed(word(both(v[r], keep[r]), c));
                #pragma unroll
                for (int j = 0; j < NT / 2; j++) {
                    u32 a[4];
                    operandOf<NT, true>(a, lows, buffer, t - first, j * 16);
                    #pragma unroll
                    for (int c = 0; c < 4; c++) product(acc[SUM ? j : 0][c], a[0], a[1], a[2], a[3], b[c][0], b[c][1]);
                }
                continue;
            }
            float d[4][4] = {};
            #pragma unroll
            for (int j = 0; j < NT; j += 2) {
                u32 a[4];
                operandOf<NT, false>(a, lows, buffer, t - first, j * 8);
                #pragma unroll
                for (int c = 0; c < 4; c++) product(d[c], a[0], a[1], a[2], a[3], m[SUM ? 0 : j][c], m[SUM ? 0 : j + 1][c]);
            }
            #pragma unroll
            for (int r = 0; r < 2; r++) {
                int row = t + group + 8 * r;
                float f[8];
                unpack(v[r], f);
                #pragma unroll
                for (int c = 0; c < 4; c++) {
                    f[2 * c] += word(keep[r], c) & 0xffffu ? d[c][2 * r] : 0.f;
                    f[2 * c + 1] += word(keep[r], c) >> 16 ? d[c][2 * r + 1] : 0.f;
                }
                if (inside && row < end) *(uint4*)(x + row * ldx + column) = packed(f);
            }
        }
        __syncthreads();
    }
    if (!SUM || !inside) return;
    #pragma unroll
    for (int j = 0; j < NT; j++) {
        int rank = j * 8 + group;
        if (rank >= ranks) continue;
        float row[8];
        #pragma unroll
        for (int c = 0; c < 4; c++) {
            row[2 * c] = acc[SUM ? j / 2 : 0][c][2 * (j & 1)];
            row[2 * c + 1] = acc[SUM ? j / 2 : 0][c][2 * (j & 1) + 1];
        }
        float* to = sums + (i64)rank * width + column;
        addVector(to, row);
        addVector(to + 4, row + 4);
    }
}
#define WIDE(NT) \
    extern "C" __global__ void __launch_bounds__(512, 1) projectRanks##NT(const u16* x, i64 ldx, int width, const u16* matrix, u16* out, int ldo, int ranks, int tokens, unsigned char* bits, Tiles tiles) { \
        projectRanksOf<NT>(x, ldx, width, matrix, out, ldo, ranks, tokens, bits, tiles); } \
    extern "C" __global__ void __launch_bounds__(256, 2) sumRanks##NT(u16* x, i64 ldx, int width, const u16* lowRank, int ldl, float* sums, const u16* matrix, int ranks, int tokens, int share, const u32* bits, Tiles tiles) { \
        walkRanks<NT, true>(x, ldx, width, lowRank, ldl, sums, matrix, ranks, tokens, share, bits, tiles); } \
    extern "C" __global__ void __launch_bounds__(256, 2) addRanks##NT(u16* x, i64 ldx, int width, const u16* lowRank, int ldl, float* sums, const u16* matrix, int ranks, int tokens, int share, const u32* bits, Tiles tiles) { \
        walkRanks<NT, false>(x, ldx, width, lowRank, ldl, sums, matrix, ranks, tokens, share, bits, tiles); }
WIDE(4) WIDE(8)
