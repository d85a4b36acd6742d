// The backward of causal attention on Hopper's tensor cores, of packed rows. Follows products.cu.
// S and dP are made twice, once for the gradient of the queries and once for those of keys and values: no sums of several blocks meet in memory, so nothing is cleared,
// read again or converted, and the order of every sum is fixed. Gradients are turned back by their positions on the way out.
// A block of three warpgroups: the first brings the operands, the other two multiply, 64 of a tile's own 128 rows each, one tile after the other. What a tile meets comes 64 rows at a time.
struct Attended {
    Map qkv, gradient;     // [tokens, (heads + 2 keyHeads) dim] turned, and of attention's output [tokens, heads dim]
    const u16* output;
    const float* logSums;  // by row, head and token of the row, as the steps below say
    float2* stats;         // [heads, tokens]: log2 of the sum, and the output times its gradient
    u16* result;           // like qkv
    const int4* tiles;     // first token of the row, its tokens, the tile's number in it, the row's number
    const int* positions;
    const float* cosine;
    const float* sine;
    u32* taken;            // of the queries' tiles and of the keys', how many beyond each block's first: zeros
    i64 rowSums, headSums;
    int endToEnd;          // whether tokens' sums lie as the tokens do, and not row by row
    int tileCount, tokens, heads, keyHeads;
    float scale;
};

const int OwnRows = 128, StepRows = 64, BoxBytes = StepRows * 128, AttentionStages = 3;
const float Log2E = 1.4426950408889634f;

__device__ __forceinline__ float power2(float x) {
    float y;
    asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
    return y;
}
// d (+)= 64 x 16 of x times 16 x 64 of w, both in shared memory, their columns what is summed over.
__device__ __forceinline__ void multiplyShared(float (&d)[32], u64 x, u64 w, int add) {
    asm volatile("{\n.reg .pred p;\nsetp.ne.b32 p, %34, 0;\nwgmma.mma_async.sync.aligned.m64n64k16.f32.bf16.bf16 {"
        "%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, "
        "%16, %17, %18, %19, %20, %21, %22, %23, %24, %25, %26, %27, %28, %29, %30, %31"
        "}, %32, %33, p, 1, 1, 0, 0;\n}"
        : FLOATS32(0) : "l"(x), "l"(w), "r"(add));
}
// The same with x in registers, as sums lie there, and w's rows what is summed over.
__device__ __forceinline__ void multiplyHeld(float (&d)[64], const u32* x, u64 w, int add) {
    asm volatile("{\n.reg .pred p;\nsetp.ne.b32 p, %69, 0;\nwgmma.mma_async.sync.aligned.m64n128k16.f32.bf16.bf16 {"
        "%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, "
        "%16, %17, %18, %19, %20, %21, %22, %23, %24, %25, %26, %27, %28, %29, %30, %31, "
        "%32, %33, %34, %35, %36, %37, %38, %39, %40, %41, %42, %43, %44, %45, %46, %47, "
        "%48, %49, %50, %51, %52, %53, %54, %55, %56, %57, %58, %59, %60, %61, %62, %63"
        "}, {%64, %65, %66, %67}, %68, p, 1, 1, 1;\n}"
        : FLOATS32(0), FLOATS32(32) : "r"(x[0]), "r"(x[1]), "r"(x[2]), "r"(x[3]), "l"(w), "r"(add));
}
__device__ __forceinline__ void multiplyHeld(float (&d)[32], const u32* x, u64 w, int add) {
    asm volatile("{\n.reg .pred p;\nsetp.ne.b32 p, %37, 0;\nwgmma.mma_async.sync.aligned.m64n64k16.f32.bf16.bf16 {"
        "%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, "
        "%16, %17, %18, %19, %20, %21, %22, %23, %24, %25, %26, %27, %28, %29, %30, %31"
        "}, {%32, %33, %34, %35}, %36, p, 1, 1, 1;\n}"
        : FLOATS32(0) : "r"(x[0]), "r"(x[1]), "r"(x[2]), "r"(x[3]), "l"(w), "r"(add));
}
__device__ __forceinline__ void openProducts() { asm volatile("wgmma.fence.sync.aligned;" ::: "memory"); }
__device__ __forceinline__ void closeProducts() { asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory"); }
template <int Left> __device__ __forceinline__ void awaitProducts() { asm volatile("wgmma.wait_group.sync.aligned %0;" :: "n"(Left) : "memory"); }

// d = x * transposed(w) of 64 rows each.
template <int Dim> __device__ __forceinline__ void multiplyRows(float (&d)[32], u32 x, u32 w) {
    u64 left = descriptor(x, 16, 1024), right = descriptor(w, 16, 1024);
    #pragma unroll
    for (int k = 0; k < Dim / 16; k++) multiplyShared(d, left + k / 4 * (BoxBytes / 16) + k % 4 * 2, right + k / 4 * (BoxBytes / 16) + k % 4 * 2, k > 0);
}
// d (+)= x * w of 64 rows of w, x as sums lie.
template <int Dim> __device__ __forceinline__ void multiplyColumns(float (&d)[Dim / 2], const u32 (&x)[16], u32 w, int add) {
    u64 right = descriptor(w, BoxBytes, 1024);
    #pragma unroll
    for (int k = 0; k < 4; k++) multiplyHeld(d, x + 4 * k, right + k * 128, add || k > 0);
}
// Sums as a left operand.
__device__ __forceinline__ void packRows(u32 (&to)[16], const float (&d)[32]) {
    #pragma unroll
    for (int i = 0; i < 16; i++) to[i] = pack(d[2 * i], d[2 * i + 1]);
}

// Where a warpgroup's row of float32 begins that lies where its own operands lay: half of the rows in each of the two. Groups of eight columns are swapped so that eight rows' lie in different banks.
template <int Dim> __device__ __forceinline__ u32 laidRow(u32 room, int row) {
    return room + row / 32 * (2 * Dim / 64 * BoxBytes) + row % 32 * (Dim * 4);
}
__device__ __forceinline__ void meetWarpgroup(int group) { asm volatile("bar.sync %0, 128;" :: "r"(1 + group) : "memory"); }

// What a thread turns back: eight columns of either half of a head, of some of a warpgroup's rows.
template <int Dim> struct Turns {
    static const int Lanes = Dim / 16, Rows = 128 / Lanes, Times = 64 / Rows;
    float4 cosine[Times][2], sine[Times][2];
    __device__ __forceinline__ void load(const Attended& a, int position, int count) {
        int thread = threadIdx.x % 128;
        #pragma unroll
        for (int i = 0; i < Times; i++) {
            i64 angle = (i64)(position + min(thread / Lanes + i * Rows, count - 1)) * Dim + thread % Lanes * 8;
            #pragma unroll
            for (int e = 0; e < 2; e++) {
                cosine[i][e] = *(const float4*)(a.cosine + angle + e * 4);
                sine[i][e] = *(const float4*)(a.sine + angle + e * 4);
            }
        }
    }
};
// 64 rows of sums to result, from column on, turned back. Room: of the tile's own operands, which this warpgroup has read.
template <int Dim> __device__ __forceinline__ void writeTurnedBack(const Attended& a, const float (&d)[Dim / 2], const Turns<Dim>& turns, u32 room, int group, int first, int count, int column) {
    const int Lanes = Turns<Dim>::Lanes;
    int thread = threadIdx.x % 128, chunk = thread % Lanes;
    meetWarpgroup(group);
    #pragma unroll
    for (int j = 0; j < Dim / 8; j++) {
        #pragma unroll
        for (int r = 0; r < 2; r++) {
            int row = thread / 32 * 16 + (thread & 31) / 4 + r * 8;
            asm volatile("st.shared.v2.f32 [%0], {%1, %2};" :: "r"(laidRow<Dim>(room, row) + ((j ^ (row & 7)) << 5) + (thread & 3) * 8), "f"(d[4 * j + 2 * r]), "f"(d[4 * j + 2 * r + 1]) : "memory");
        }
    }
    meetWarpgroup(group);
    #pragma unroll
    for (int i = 0; i < Turns<Dim>::Times; i++) {
        int row = thread / Lanes + i * Turns<Dim>::Rows;
        float x[8], y[8];
        #pragma unroll
        for (int e = 0; e < 8; e += 4) {
            u32 from = laidRow<Dim>(room, row) + e * 4;
            asm volatile("ld.shared.v4.f32 {%0, %1, %2, %3}, [%4];" : "=f"(x[e]), "=f"(x[e + 1]), "=f"(x[e + 2]), "=f"(x[e + 3]) : "r"(from + ((chunk ^ (row & 7)) << 5)) : "memory");
            asm volatile("ld.shared.v4.f32 {%0, %1, %2, %3}, [%4];" : "=f"(y[e]), "=f"(y[e + 1]), "=f"(y[e + 2]), "=f"(y[e + 3]) : "r"(from + (((chunk + Lanes) ^ (row & 7)) << 5)) : "memory");
        }
        #pragma unroll
        for (int e = 0; e < 8; e++) { x[e] *= a.scale; y[e] *= a.scale; }
        turn(x, y, (const float*)turns.cosine[i], (const float*)turns.sine[i], -1.f);
        if (row < count) {
            u16* to = a.result + (i64)(first + row) * (a.heads + 2 * a.keyHeads) * Dim + column + chunk * 8;
            *(uint4*)to = packed(x);
            *(uint4*)(to + Dim / 2) = packed(y);
        }
    }
    asm volatile("fence.proxy.async.shared::cta;" ::: "memory");
}
// The same as they are.
template <int Dim> __device__ __forceinline__ void write(const Attended& a, const float (&d)[Dim / 2], int first, int count, int column) {
    int quad = threadIdx.x & 3;
    #pragma unroll
    for (int r = 0; r < 2; r++) {
        int row = threadIdx.x % 128 / 32 * 16 + (threadIdx.x & 31) / 4 + r * 8;
        u16* to = a.result + (i64)(first + row) * (a.heads + 2 * a.keyHeads) * Dim + column + quad * 8;
        // Of four groups of eight columns each lane of four has two columns: each takes one group whole.
        #pragma unroll
        for (int j = 0; j < Dim / 8; j += 4) {
            u32 words[4];
            #pragma unroll
            for (int i = 0; i < 4; i++) words[i] = pack(d[4 * (j + i) + 2 * r], d[4 * (j + i) + 2 * r + 1]);
            #pragma unroll
            for (int b = 1; b < 4; b *= 2) {
                #pragma unroll
                for (int i = 0; i < 2; i++) {
                    const int Low = i * (3 - b), High = Low + b;
                    u32 sent = __shfl_xor_sync(0xffffffffu, quad & b ? words[Low] : words[High], b);
                    if (quad & b) words[Low] = sent;
                    else words[High] = sent;
                }
            }
            if (row < count) *(uint4*)(to + j * 8) = make_uint4(words[0], words[1], words[2], words[3]);
        }
    }
}

// What the two kernels share. Ready: an operand is there; free: both warpgroups have read it.
struct Work { int4 tile; int head, position; }; // no head: there is nothing left; position: of the row's first token
struct Rings {
    u32 own, steps, ownReady, ownFree, stepReady, stepFree;
    float2* stats;
    Work* work;
};
template <int Dim> __device__ __forceinline__ Rings makeRings(int readyArrivals) {
    extern __shared__ __align__(1024) char attended[];
    const int Tile = Dim / 64 * BoxBytes;
    Rings r;
    r.own = sharedAt(attended);
    r.steps = r.own + 8 * Tile;
    r.stats = (float2*)(attended + (8 + 2 * AttentionStages) * Tile);
    r.work = (Work*)(r.stats + AttentionStages * StepRows);
    r.ownReady = sharedAt(r.work + 2);
    r.ownFree = r.ownReady + 16;
    r.stepReady = r.ownFree + 16;
    r.stepFree = r.stepReady + 8 * AttentionStages;
    if (threadIdx.x == 0) {
        if (r.own & 1023) __trap();
        for (int i = 0; i < 2; i++) { makeBarrier(r.ownReady + 8 * i, 1); makeBarrier(r.ownFree + 8 * i, 8); }
        for (int i = 0; i < AttentionStages; i++) { makeBarrier(r.stepReady + 8 * i, readyArrivals); makeBarrier(r.stepFree + 8 * i, 8); }
        asm volatile("fence.mbarrier_init.release.cluster;" ::: "memory");
    }
    __syncthreads();
    return r;
}
struct Ring {
    int stage;
    u32 parity;
    __device__ __forceinline__ void next(int stages) {
        if (++stage == stages) { stage = 0; parity ^= 1; }
    }
};
// A place of the ring as soon as it is free: to, whose barrier is ready.
template <int Dim> __device__ __forceinline__ void openStep(const Rings& rings, const Ring& step, u32& to, u32& ready) {
    await(rings.stepFree + 8 * step.stage, step.parity);
    to = rings.steps + step.stage * 2 * (Dim / 64 * BoxBytes);
    ready = rings.stepReady + 8 * step.stage;
    arriveExpecting(ready, 2 * (Dim / 64 * BoxBytes));
}
template <int Dim> __device__ __forceinline__ void bringRows(u32 to, const Map& map, int column, int row, u32 barrier) {
    #pragma unroll
    for (int box = 0; box < Dim / 64; box++) bring(to + box * BoxBytes, map, column + box * 64, row, barrier);
}
// One thread has each tile's own operands brought, of heads from first and firstToo on, as soon as there is room: of tiles that no other block has taken. From the last on or the first: the largest tiles of a row
// come first, and what the kernel before has read or written last, which is still in the L2 cache.
template <int Dim> __device__ __forceinline__ void bringOwn(const Attended& a, const Rings& rings, bool fromLast, int heads, u32* taken, const Map& map, int first, const Map& mapToo, int firstToo) {
    const int Tile = Dim / 64 * BoxBytes;
    Ring own = { 0, 1 };
    for (int at = blockIdx.x;; own.next(2)) {
        await(rings.ownFree + 8 * own.stage, own.parity);
        u32 to = rings.own + own.stage * 4 * Tile, ready = rings.ownReady + 8 * own.stage;
        if (at >= a.tileCount * heads) {
            rings.work[own.stage].head = -1;
            arrive(ready);
            return;
        }
        int4 tile = a.tiles[fromLast ? a.tileCount - 1 - at / heads : at / heads];
        int head = at % heads, row = tile.x + tile.z * OwnRows;
        at = gridDim.x + atomicAdd(taken, 1);
        rings.work[own.stage] = { tile, head, a.positions[tile.x] };
        arriveExpecting(ready, 4 * Tile);
        for (int i = 0; i < 2; i++) {
            bringRows<Dim>(to + i * Tile, map, (first + head) * Dim, row + i * StepRows, ready);
            bringRows<Dim>(to + (2 + i) * Tile, mapToo, (firstToo + head) * Dim, row + i * StepRows, ready);
        }
    }
}
// What that thread has taken; false where nothing is left.
__device__ __forceinline__ bool follow(const Rings& rings, const Ring& own, Work& work) {
    await(rings.ownReady + 8 * own.stage, own.parity);
    work = rings.work[own.stage];
    return work.head >= 0;
}
// By each warp that has read a place of a ring, or filled it.
__device__ __forceinline__ void release(u32 free, const Ring& ring) {
    __syncwarp();
    if ((threadIdx.x & 31) == 0) arrive(free + 8 * ring.stage);
}

// dq = (P (dP - D)) k of 128 queries, P = exp(q k - log sum), dP = do v, D = o do.
template <int Dim> __device__ __forceinline__ void attendQueries(const Attended& a) {
    const int Tile = Dim / 64 * BoxBytes;
    Rings rings = makeRings<Dim>(1);
    int warpgroup = threadIdx.x / 128, warp = threadIdx.x / 32, lane = threadIdx.x & 31;
    Work work;
    Ring own = { 0, 0 }, step = { 0, 0 };
    if (warpgroup == 0) {
        asm volatile("setmaxnreg.dec.sync.aligned.u32 24;");
        if (threadIdx.x == 0) {
            bringOwn<Dim>(a, rings, true, a.heads, a.taken, a.qkv, 0, a.gradient, 0);
        } else if (threadIdx.x == 32) {
            step.parity = 1;
            for (; follow(rings, own, work); own.next(2)) {
                int4 tile = work.tile;
                int keyHead = work.head / (a.heads / a.keyHeads), steps = min((tile.y + StepRows - 1) / StepRows, 2 * tile.z + 2);
                for (int j = 0; j < steps; j++, step.next(AttentionStages)) {
                    u32 to, ready;
                    openStep<Dim>(rings, step, to, ready);
                    bringRows<Dim>(to, a.qkv, (a.heads + keyHead) * Dim, tile.x + j * StepRows, ready);
                    bringRows<Dim>(to + Tile, a.qkv, (a.heads + a.keyHeads + keyHead) * Dim, tile.x + j * StepRows, ready);
                }
            }
        }
        return;
    }
    asm volatile("setmaxnreg.inc.sync.aligned.u32 240;");
    int group = warpgroup - 1, within = (warp & 3) * 16 + lane / 4;
    float s[32], dp[32], dq[Dim / 2];
    u32 rows[16];
    for (; follow(rings, own, work); own.next(2)) {
        int4 tile = work.tile;
        int first = tile.z * OwnRows + group * StepRows, count = min(StepRows, tile.y - first), last = 2 * tile.z + group;
        int steps = min((tile.y + StepRows - 1) / StepRows, 2 * tile.z + 2), active = count > 0 ? min(steps, last + 1) : 0;
        u32 q = rings.own + own.stage * 4 * Tile + group * Tile, gradient = q + 2 * Tile;
        float2 stats[2];
        Turns<Dim> turns;
        // A quad of lanes has two rows.
        const int Chunks = Dim / 32;
        uint4 o[2][Chunks];
        #pragma unroll
        for (int r = 0; r < 2 && active > 0; r++) {
            int row = first + min(within + r * 8, count - 1);
            #pragma unroll
            for (int i = 0; i < Chunks; i++) o[r][i] = *(const uint4*)(a.output + ((i64)(tile.x + row) * a.heads + work.head) * Dim + (lane % 4 + i * 4) * 8);
            stats[r].x = a.logSums[tile.w * a.rowSums + work.head * a.headSums + row + (a.endToEnd ? tile.x : 0)] * Log2E;
        }
        auto dot = [&]() {
            #pragma unroll
            for (int r = 0; r < 2; r++) {
                float sum = 0.f, x[8], y[8];
                #pragma unroll
                for (int i = 0; i < Chunks; i++) {
                    int row = within + r * 8, chunk = lane % 4 + i * 4;
                    uint4 g;
                    asm volatile("ld.shared.v4.u32 {%0, %1, %2, %3}, [%4];" : "=r"(g.x), "=r"(g.y), "=r"(g.z), "=r"(g.w)
                        : "r"(gradient + chunk / 8 * BoxBytes + row * 128 + ((chunk ^ row) % 8 << 4)) : "memory");
                    unpack(o[r][i], x);
                    unpack(g, y);
                    #pragma unroll
                    for (int e = 0; e < 8; e++) sum += x[e] * y[e];
                }
                sum += __shfl_xor_sync(0xffffffffu, sum, 1);
                sum += __shfl_xor_sync(0xffffffffu, sum, 2);
                stats[r].y = sum;
                if (lane % 4 == 0 && within + r * 8 < count) a.stats[(i64)work.head * a.tokens + tile.x + first + within + r * 8] = stats[r];
            }
        };
        auto place = [&](const Ring& at) { return rings.steps + at.stage * 2 * Tile; };
        auto open = [&]() {
            await(rings.stepReady + 8 * step.stage, step.parity);
            openProducts();
            multiplyRows<Dim>(s, q, place(step));
            closeProducts();
            multiplyRows<Dim>(dp, gradient, place(step) + Tile);
            closeProducts();
        };
        auto weigh = [&](int j) {
            #pragma unroll
            for (int i = 0; i < 32; i++) s[i] = power2(s[i] * (a.scale * Log2E) - stats[i / 2 % 2].x);
            if (j == last) {
                #pragma unroll
                for (int i = 0; i < 32; i++)
                    if (i / 4 * 8 + lane % 4 * 2 + i % 2 > within + i / 2 % 2 * 8) s[i] = 0.f;
            }
        };
        auto slope = [&]() {
            #pragma unroll
            for (int i = 0; i < 32; i++) s[i] *= dp[i] - stats[i / 2 % 2].y;
        };
        if (active > 0) {
            open();
            dot();
            awaitProducts<1>();
            weigh(0);
            awaitProducts<0>();
            slope();
            packRows(rows, s);
            Ring before = step;
            step.next(AttentionStages);
            for (int j = 1; j < active; j++) {
                open();
                multiplyColumns<Dim>(dq, rows, place(before), j > 1);
                closeProducts();
                awaitProducts<2>();
                weigh(j);
                awaitProducts<1>();
                slope();
                awaitProducts<0>();
                release(rings.stepFree, before);
                packRows(rows, s);
                before = step;
                step.next(AttentionStages);
            }
            openProducts();
            multiplyColumns<Dim>(dq, rows, place(before), active > 1);
            closeProducts();
            turns.load(a, work.position + first, count);
            awaitProducts<0>();
            release(rings.stepFree, before);
        }
        for (int j = active; j < steps; j++, step.next(AttentionStages)) {
            await(rings.stepReady + 8 * step.stage, step.parity);
            release(rings.stepFree, step);
        }
        if (count > 0) writeTurnedBack<Dim>(a, dq, turns, q, group, tile.x + first, count, work.head * Dim);
        release(rings.ownFree, own);
    }
}

// dv = transposed(P) do and dk = transposed(P (dP - D)) q of 128 keys, of all heads that see them.
template <int Dim> __device__ __forceinline__ void attendKeys(const Attended& a) {
    const int Tile = Dim / 64 * BoxBytes;
    Rings rings = makeRings<Dim>(2);
    int warpgroup = threadIdx.x / 128, warp = threadIdx.x / 32, lane = threadIdx.x & 31, together = a.heads / a.keyHeads;
    Work work;
    Ring own = { 0, 0 }, step = { 0, 0 };
    if (warpgroup == 0) {
        asm volatile("setmaxnreg.dec.sync.aligned.u32 24;");
        step.parity = 1;
        if (threadIdx.x == 0) {
            bringOwn<Dim>(a, rings, false, a.keyHeads, a.taken + 1, a.qkv, a.heads, a.qkv, a.heads + a.keyHeads);
        } else if (threadIdx.x == 32) {
            for (; follow(rings, own, work); own.next(2)) {
                int4 tile = work.tile;
                for (int head = work.head * together; head < (work.head + 1) * together; head++) {
                    for (int j = 2 * tile.z; j * StepRows < tile.y; j++, step.next(AttentionStages)) {
                        u32 to, ready;
                        openStep<Dim>(rings, step, to, ready);
                        bringRows<Dim>(to, a.qkv, head * Dim, tile.x + j * StepRows, ready);
                        bringRows<Dim>(to + Tile, a.gradient, head * Dim, tile.x + j * StepRows, ready);
                    }
                }
            }
        } else if (warp == 2) {
            for (; follow(rings, own, work); own.next(2)) {
                for (int head = work.head * together; head < (work.head + 1) * together; head++) {
                    const float2* from = a.stats + (i64)head * a.tokens + work.tile.x;
                    for (int j = 2 * work.tile.z; j * StepRows < work.tile.y; j++, step.next(AttentionStages)) {
                        await(rings.stepFree + 8 * step.stage, step.parity);
                        #pragma unroll
                        for (int i = 0; i < StepRows; i += 32) {
                            int token = j * StepRows + i + lane;
                            // Beyond the row there is nothing: exp(-infinity).
                            rings.stats[step.stage * StepRows + i + lane] = token < work.tile.y ? from[token] : make_float2(__uint_as_float(0x7f800000u), 0.f);
                        }
                        release(rings.stepReady, step);
                    }
                }
            }
        }
        return;
    }
    asm volatile("setmaxnreg.inc.sync.aligned.u32 240;");
    int group = warpgroup - 1, within = (warp & 3) * 16 + lane / 4;
    float s[32], dp[32], dk[Dim / 2], dv[Dim / 2];
    u32 rows[16], rowsToo[16];
    for (; follow(rings, own, work); own.next(2)) {
        int4 tile = work.tile;
        int first = tile.z * OwnRows + group * StepRows, count = min(StepRows, tile.y - first), steps = (tile.y + StepRows - 1) / StepRows;
        int diagonal = 2 * tile.z + group, add = 0;
        u32 k = rings.own + own.stage * 4 * Tile + group * Tile, v = k + 2 * Tile;
        for (int head = 0; head < together; head++) {
            for (int j = 2 * tile.z; j < steps; j++, step.next(AttentionStages)) {
                await(rings.stepReady + 8 * step.stage, step.parity);
                if (j >= diagonal && count > 0) {
                    u32 q = rings.steps + step.stage * 2 * Tile, gradient = q + Tile;
                    const float4* stats = (const float4*)(rings.stats + step.stage * StepRows + lane % 4 * 2);
                    openProducts();
                    multiplyRows<Dim>(s, k, q);
                    closeProducts();
                    multiplyRows<Dim>(dp, v, gradient);
                    closeProducts();
                    awaitProducts<1>();
                    #pragma unroll
                    for (int i = 0; i < 8; i++) {
                        float4 both = stats[i * 4];
                        #pragma unroll
                        for (int e = 0; e < 4; e++) s[4 * i + e] = power2(s[4 * i + e] * (a.scale * Log2E) - (e % 2 ? both.z : both.x));
                    }
                    if (j == diagonal) {
                        #pragma unroll
                        for (int i = 0; i < 32; i++)
                            if (i / 4 * 8 + lane % 4 * 2 + i % 2 < within + i / 2 % 2 * 8) s[i] = 0.f;
                    }
                    packRows(rows, s);
                    openProducts();
                    multiplyColumns<Dim>(dv, rows, gradient, add);
                    closeProducts();
                    awaitProducts<1>();
                    #pragma unroll
                    for (int i = 0; i < 8; i++) {
                        float4 both = stats[i * 4];
                        #pragma unroll
                        for (int e = 0; e < 4; e++) s[4 * i + e] *= dp[4 * i + e] - (e % 2 ? both.w : both.y);
                    }
                    packRows(rowsToo, s);
                    openProducts();
                    multiplyColumns<Dim>(dk, rowsToo, q, add);
                    closeProducts();
                    awaitProducts<0>();
                    add = 1;
                }
                release(rings.stepFree, step);
            }
        }
        if (count > 0) {
            Turns<Dim> turns;
            turns.load(a, work.position + first, count);
            write<Dim>(a, dv, tile.x + first, count, (a.heads + a.keyHeads + work.head) * Dim);
            writeTurnedBack<Dim>(a, dk, turns, k, group, tile.x + first, count, (a.heads + work.head) * Dim);
        }
        release(rings.ownFree, own);
    }
}
#define ATTENTION(NAME, WHAT, DIM) extern "C" __global__ void __launch_bounds__(384, 1) NAME(const __grid_constant__ Attended a) { WHAT<DIM>(a); }
ATTENTION(attendQueries64, attendQueries, 64) ATTENTION(attendQueries128, attendQueries, 128) ATTENTION(attendKeys64, attendKeys, 64) ATTENTION(attendKeys128, attendKeys, 128)
