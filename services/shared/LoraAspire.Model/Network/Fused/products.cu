// Products of the base's frozen weights on Hopper's tensor cores (wgmma, sm_90a), with what else is done to their results on the way out. Follows kernels.cu.
// A block of three warpgroups makes tiles of 128 tokens by 256 columns, one after the other. One thread of the first warpgroup has the operands brought into a ring of shared
// memory; the other two warpgroups multiply them, 64 tokens each, and lay their sums down as bfloat16; the first warpgroup's other warps take these to where they belong while
// the next tile is multiplied. Two blocks that lie one below the other are a cluster: each brings half of the weights that both need.
typedef unsigned long long u64;
struct __align__(64) Map { char bytes[128]; };
// x [tokens, inner] is what `x` shows, w what `w` shows; with gate and up their halves are `w` and `other`. y [tokens, ldy].
// Of up to three neighbouring layers the columns start.., width of them, are added lowRank[:, at..] * up: up [ranks, width].
struct Product {
    Map x, w, other, lowRank, up[3];
    u16* y;
    u16* activation;  // act(gate) * up [tokens, columns / 2]
    const u16* added; // [tokens, columns]
    const int* positions;
    const float* cosine;
    const float* sine;
    int count, start[3], width[3], ranks[3], at[3];
    int tokens, columns, inner, ldy, turned, dim, gelu; // columns below turned are of heads of dim, to be turned
};
enum Result { Glued, Unglued, Turned, Added };

const int TileRows = 128, TileColumns = 256, TileInner = 64, Stages = 3, Cluster = 2, Band = 8, Finishers = 3;
const int XBytes = TileRows * TileInner * 2, WBytes = TileColumns * TileInner * 2, StageBytes = XBytes + WBytes;
const int HalfRows = TileRows / 2, LaidBytes = HalfRows * TileColumns * 2; // of one multiplying warpgroup

__device__ __forceinline__ u32 sharedAt(const void* p) { return (u32)__cvta_generic_to_shared(p); }
__device__ __forceinline__ void await(u32 barrier, u32 parity) {
    u32 done;
    do {
        asm volatile("{\n.reg .pred p;\nmbarrier.try_wait.parity.shared::cta.b64 p, [%1], %2;\nselp.u32 %0, 1, 0, p;\n}" : "=r"(done) : "r"(barrier), "r"(parity) : "memory");
    } while (!done);
}
__device__ __forceinline__ void makeBarrier(u32 barrier, u32 count) { asm volatile("mbarrier.init.shared::cta.b64 [%0], %1;" :: "r"(barrier), "r"(count) : "memory"); }
__device__ __forceinline__ void arrive(u32 barrier) { asm volatile("mbarrier.arrive.shared::cta.b64 _, [%0];" :: "r"(barrier) : "memory"); }
__device__ __forceinline__ void arriveExpecting(u32 barrier, u32 bytes) { asm volatile("mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;" :: "r"(barrier), "r"(bytes) : "memory"); }
__device__ __forceinline__ void arriveIn(u32 block, u32 barrier) {
    asm volatile("{\n.reg .b32 r;\nmapa.shared::cluster.u32 r, %0, %1;\nmbarrier.arrive.shared::cluster.b64 _, [r];\n}" :: "r"(barrier), "r"(block) : "memory");
}
__device__ __forceinline__ void bring(u32 to, const Map& map, int column, int row, u32 barrier) {
    asm volatile("cp.async.bulk.tensor.2d.shared::cluster.global.tile.mbarrier::complete_tx::bytes [%0], [%1, {%3, %4}], [%2];" :: "r"(to), "l"(&map), "r"(barrier), "r"(column), "r"(row) : "memory");
}
__device__ __forceinline__ void bringToAll(u32 to, const Map& map, int column, int row, u32 barrier) {
    asm volatile("cp.async.bulk.tensor.2d.shared::cluster.global.tile.mbarrier::complete_tx::bytes.multicast::cluster [%0], [%1, {%3, %4}], [%2], %5;"
        :: "r"(to), "l"(&map), "r"(barrier), "r"(column), "r"(row), "h"((u16)((1 << Cluster) - 1)) : "memory");
}
__device__ __forceinline__ void meetCluster() { asm volatile("barrier.cluster.arrive.release.aligned;\nbarrier.cluster.wait.acquire.aligned;" ::: "memory"); }

// Of an operand that lies in rows of 128 bytes, swizzled: the bytes from one group of 64 columns to the next, where what is summed over are the rows, and from eight rows to the next.
__device__ __forceinline__ u64 descriptor(u32 address, u32 groups, u32 rows) {
    return (u64)((address & 0x3ffff) >> 4) | (u64)(groups >> 4) << 16 | (u64)(rows >> 4) << 32 | 1ull << 62;
}
#define FLOATS8(i) "+f"(d[i]), "+f"(d[i + 1]), "+f"(d[i + 2]), "+f"(d[i + 3]), "+f"(d[i + 4]), "+f"(d[i + 5]), "+f"(d[i + 6]), "+f"(d[i + 7])
#define FLOATS32(i) FLOATS8(i), FLOATS8(i + 8), FLOATS8(i + 16), FLOATS8(i + 24)
// d (+)= 64 x 16 of x times 16 x 256 of w. ACROSS: what is summed over are the rows that w lies in.
template <int ACROSS> __device__ __forceinline__ void multiply(float (&d)[128], u64 x, u64 w, int add) {
    asm volatile("{\n.reg .pred p;\nsetp.ne.b32 p, %130, 0;\nwgmma.mma_async.sync.aligned.m64n256k16.f32.bf16.bf16 {"
        "%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, "
        "%16, %17, %18, %19, %20, %21, %22, %23, %24, %25, %26, %27, %28, %29, %30, %31, "
        "%32, %33, %34, %35, %36, %37, %38, %39, %40, %41, %42, %43, %44, %45, %46, %47, "
        "%48, %49, %50, %51, %52, %53, %54, %55, %56, %57, %58, %59, %60, %61, %62, %63, "
        "%64, %65, %66, %67, %68, %69, %70, %71, %72, %73, %74, %75, %76, %77, %78, %79, "
        "%80, %81, %82, %83, %84, %85, %86, %87, %88, %89, %90, %91, %92, %93, %94, %95, "
        "%96, %97, %98, %99, %100, %101, %102, %103, %104, %105, %106, %107, %108, %109, %110, %111, "
        "%112, %113, %114, %115, %116, %117, %118, %119, %120, %121, %122, %123, %124, %125, %126, %127 "
        "}, %128, %129, p, 1, 1, 0, %131;\n}"
        : FLOATS32(0), FLOATS32(32), FLOATS32(64), FLOATS32(96) : "l"(x), "l"(w), "r"(add), "n"(ACROSS));
}

// Sixteen bytes of a laid-down row, whose places are swapped so that eight rows' columns lie in different banks.
__device__ __forceinline__ uint4 laid(u32 from, int row, int chunk) {
    uint4 v;
    asm volatile("ld.shared.v4.u32 {%0, %1, %2, %3}, [%4];" : "=r"(v.x), "=r"(v.y), "=r"(v.z), "=r"(v.w) : "r"(from + row * (TileColumns * 2) + ((chunk ^ (row & 7)) << 4)) : "memory");
    return v;
}

// Takes a warpgroup's 64 rows from row on, columns from column on, to where they belong; Warps warps share them.
template <int R, int Warps> __device__ __forceinline__ void finish(u32 from, const Product& p, int row, int column, int warp, int lane) {
    const int Together = R == Glued ? 2 : 1, Lanes = 32 / Together, Rows = 4;
    int half = R == Glued ? p.columns / 2 : p.columns, chunk = lane % Lanes;
    column += chunk * 8;
    for (int first = warp * Together; first < HalfRows; first += Warps * Together * Rows) {
        int own[Rows], rows[Rows];
        uint4 v[Rows], up[Rows];
        #pragma unroll
        for (int i = 0; i < Rows; i++) {
            own[i] = first + i * Warps * Together + lane / Lanes;
            rows[i] = own[i] < HalfRows && row + own[i] < p.tokens && column < half ? row + own[i] : -1;
            if (R == Unglued && rows[i] >= 0) {
                const u16* at = p.y + (i64)rows[i] * p.ldy + column;
                v[i] = *(const uint4*)at;
                up[i] = *(const uint4*)(at + half);
            }
        }
        if (R == Turned || R == Added) {
            float f[Rows][8], g[8];
            #pragma unroll
            for (int i = 0; i < Rows; i++) {
                unpack(laid(from, min(own[i], HalfRows - 1), chunk), f[i]);
                if (R == Added && rows[i] >= 0) {
                    unpack(*(const uint4*)(p.added + (i64)rows[i] * p.columns + column), g);
                    #pragma unroll
                    for (int e = 0; e < 8; e++) f[i][e] += g[e];
                }
            }
            int span = p.dim / 2, within = R == Turned ? column % p.dim : 0;
            #pragma unroll
            for (int i = 0; i < Rows; i++) {
                if (R == Turned) {
                    #pragma unroll
                    for (int e = 0; e < 8; e++) g[e] = __shfl_xor_sync(0xffffffffu, f[i][e], span / 8);
                    if (rows[i] >= 0 && column < p.turned) {
                        i64 angle = (i64)p.positions[rows[i]] * p.dim + within % span;
                        if (within < span) turn(f[i], g, p.cosine + angle, p.sine + angle, 1.f);
                        else turn(g, f[i], p.cosine + angle, p.sine + angle, 1.f);
                    }
                }
                if (rows[i] >= 0) *(uint4*)(p.y + (i64)rows[i] * p.ldy + column) = packed(f[i]);
            }
            continue;
        }
        #pragma unroll
        for (int i = 0; i < Rows; i++) {
            if (rows[i] < 0) continue;
            u16* at = p.y + (i64)rows[i] * p.ldy + column;
            uint4 sum = laid(from, own[i], chunk);
            float f[8], g[8], u[8];
            if (R == Glued) {
                uint4 other = laid(from, own[i], chunk + Lanes);
                *(uint4*)at = sum;
                *(uint4*)(at + half) = other;
                unpack(sum, g);
                unpack(other, u);
                #pragma unroll
                for (int e = 0; e < 8; e++) f[e] = rounded(activated(g[e], p.gelu)) * u[e];
                *(uint4*)(p.activation + (i64)rows[i] * half + column) = packed(f);
            }
            if (R == Unglued) {
                unpack(v[i], g);
                unpack(up[i], u);
                unpack(sum, f);
                #pragma unroll
                for (int e = 0; e < 8; e++) {
                    float value, rise = slope(g[e], p.gelu, value);
                    g[e] = f[e] * u[e] * rise;
                    u[e] = f[e] * value;
                }
                *(uint4*)at = packed(g);
                *(uint4*)(at + half) = packed(u);
            }
        }
    }
}

// Whether a layer's adapter has a part in a tile.
template <int R> __device__ __forceinline__ bool hasPart(const Product& p, int layer, int column) {
    if (R == Glued) return true;
    return layer < p.count && column < p.start[layer] + p.width[layer] && column + TileColumns > p.start[layer];
}

template <int R, int ACROSS> __device__ __forceinline__ void multiplyTiles(const Product& p) {
    extern __shared__ char memory[];
    __shared__ __align__(8) u64 barriers[2 * Stages + 4];
    // Ready: a stage is there; free: both blocks have read it; down: a warpgroup's sums are there; taken: they are where they belong.
    u32 ring = (sharedAt(memory) + 1023) & ~1023u, sums = ring + Stages * StageBytes;
    u32 ready = sharedAt(barriers), free = ready + 8 * Stages, down = free + 8 * Stages, taken = down + 16, rank;
    asm volatile("mov.u32 %0, %%cluster_ctarank;" : "=r"(rank));
    if (threadIdx.x == 0) {
        for (int i = 0; i < 2; i++) { makeBarrier(down + 8 * i, 128); makeBarrier(taken + 8 * i, Finishers); }
        for (int i = 0; i < Stages; i++) { makeBarrier(ready + 8 * i, 1); makeBarrier(free + 8 * i, 2 * Cluster); }
        asm volatile("fence.mbarrier_init.release.cluster;" ::: "memory");
    }
    meetCluster();
    // A tile of gate and up has half as many columns of each.
    const int Own = R == Glued ? TileColumns / 2 : TileColumns;
    int half = R == Glued ? p.columns / 2 : p.columns, steps = (p.inner + TileInner - 1) / TileInner;
    int blocksDown = (p.tokens + TileRows * Cluster - 1) / (TileRows * Cluster), across = (half + Own - 1) / Own, tiles = blocksDown * across;
    int start = blockIdx.x / Cluster, apart = gridDim.x / Cluster;
    // Bands of some tiles' rows, column after column, so that what is read meanwhile stays in the L2 cache.
    auto place = [&](int tile, int& row, int& column) {
        int band = tile / (Band * across), rest = tile - band * Band * across, rows = min(Band, blocksDown - band * Band);
        row = ((band * Band + rest % rows) * Cluster + rank) * TileRows;
        column = rest / rows * Own;
    };
    int warpgroup = threadIdx.x / 128, warp = threadIdx.x / 32, lane = threadIdx.x & 31, row, column;
    if (warpgroup == 0) {
        asm volatile("setmaxnreg.dec.sync.aligned.u32 104;");
        if (threadIdx.x == 0) {
            int stage = 0;
            u32 parity = 1;
            u32 x, w, barrier;
            auto next = [&]() {
                await(free + 8 * stage, parity);
                x = ring + stage * StageBytes;
                w = x + XBytes + rank * (WBytes / Cluster);
                barrier = ready + 8 * stage;
                arriveExpecting(barrier, StageBytes);
                if (++stage == Stages) { stage = 0; parity ^= 1; }
            };
            auto bringAcross = [&](const Map& map, int at, int k) {
                #pragma unroll
                for (int i = 0; i < 2; i++) bringToAll(w + i * (WBytes / 4), map, at + i * 64, k, barrier);
            };
            for (int tile = start; tile < tiles; tile += apart) {
                place(tile, row, column);
                int own = R == Glued ? column : column + rank * (TileColumns / Cluster); // columns that this block brings
                for (int k = 0; k < steps; k++) {
                    next();
                    bring(x, p.x, k * TileInner, row, barrier);
                    if (ACROSS) bringAcross(p.w, own, k * TileInner);
                    else bringToAll(w, R == Glued && rank == 1 ? p.other : p.w, k * TileInner, own, barrier);
                }
                for (int layer = 0; !ACROSS && layer < p.count; layer++) {
                    if (!hasPart<R>(p, layer, column)) continue;
                    for (int k = 0; k < p.ranks[layer]; k += TileInner) {
                        next();
                        // What lies outside the matrix is zeros: other layers' columns, and ranks beyond this one's.
                        bring(x, p.lowRank, p.at[layer] + k, row, barrier);
                        bringAcross(p.up[layer], own + (R == Glued ? rank * half : 0) - p.start[layer], k);
                    }
                }
            }
        } else if (warp > 0) {
            u32 parity = 0;
            for (int tile = start; tile + apart < tiles; tile += apart, parity ^= 1) {
                place(tile, row, column);
                for (int own = 0; own < 2; own++) {
                    await(down + 8 * own, parity);
                    finish<R, Finishers>(sums + own * LaidBytes, p, row + own * HalfRows, column, warp - 1, lane);
                    __syncwarp();
                    if (lane == 0) arrive(taken + 8 * own);
                }
            }
        }
    } else {
        asm volatile("setmaxnreg.inc.sync.aligned.u32 200;");
        int own = warpgroup - 1, thread = threadIdx.x & 127, stage = 0;
        u32 parity = 0, laidParity = 1, to = sums + own * LaidBytes + (thread / 32 * 16 + lane % 16) * (TileColumns * 2);
        float d[128];
        u64 left, right;
        auto begin = [&](bool byColumns) {
            await(ready + 8 * stage, parity);
            u32 x = ring + stage * StageBytes + own * (HalfRows * TileInner * 2), w = ring + stage * StageBytes + XBytes;
            left = descriptor(x, 16, 1024);
            right = descriptor(w, byColumns ? 64 * TileInner * 2 : 16, 1024);
        };
        auto open = [&]() { asm volatile("wgmma.fence.sync.aligned;" ::: "memory"); };
        auto close = [&]() { asm volatile("wgmma.commit_group.sync.aligned;\nwgmma.wait_group.sync.aligned 0;" ::: "memory"); };
        auto end = [&]() {
            if (thread < Cluster) arriveIn(thread, free + 8 * stage);
            if (++stage == Stages) { stage = 0; parity ^= 1; }
        };
        for (int tile = start; tile < tiles; tile += apart, laidParity ^= 1) {
            place(tile, row, column);
            for (int k = 0; k < steps; k++) {
                begin(ACROSS);
                open();
                #pragma unroll
                for (int i = 0; i < TileInner / 16; i++) multiply<ACROSS>(d, left + i * 2, right + i * (ACROSS ? 128 : 2), k > 0 || i > 0);
                close();
                end();
            }
            for (int layer = 0; !ACROSS && layer < p.count; layer++) {
                if (!hasPart<R>(p, layer, column)) continue;
                for (int k = 0; k < p.ranks[layer]; k += TileInner) {
                    begin(true);
                    // Each on its own: the compiler waits after every product of a function in which a branch parts two that it may overlap.
                    for (int i = 0; i < TileInner / 16 && k + i * 16 < p.ranks[layer]; i++) {
                        open();
                        multiply<1>(d, left + i * 2, right + i * 128, 1);
                        close();
                    }
                    end();
                }
            }
            await(taken + 8 * own, laidParity);
            #pragma unroll
            for (int j = 0; j < 32; j += 2)
                asm volatile("stmatrix.sync.aligned.m8n8.x4.shared.b16 [%0], {%1, %2, %3, %4};" :: "r"(to + (((j + lane / 16) ^ (lane & 7)) << 4)),
                    "r"(pack(d[4 * j], d[4 * j + 1])), "r"(pack(d[4 * j + 2], d[4 * j + 3])), "r"(pack(d[4 * j + 4], d[4 * j + 5])), "r"(pack(d[4 * j + 6], d[4 * j + 7])) : "memory");
            if (tile + apart < tiles) {
                arrive(down + 8 * own);
                continue;
            }
            // Nothing is left to multiply meanwhile.
            asm volatile("bar.sync %0, 128;" :: "r"(1 + own) : "memory");
            finish<R, 4>(sums + own * LaidBytes, p, row + own * HalfRows, column, thread / 32, lane);
        }
    }
    meetCluster(); // nobody's memory goes while another block still writes into it
}
#define PRODUCT(NAME, R, ACROSS) extern "C" __global__ void __cluster_dims__(Cluster, 1, 1) __launch_bounds__(384, 1) NAME(const __grid_constant__ Product p) { multiplyTiles<R, ACROSS>(p); }
PRODUCT(productGlu, Glued, 0) PRODUCT(productGluBack, Unglued, 1) PRODUCT(productTurned, Turned, 0) PRODUCT(productAdded, Added, 0)
