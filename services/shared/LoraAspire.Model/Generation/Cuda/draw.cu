// Tokens drawn from logits [rows, vocabulary] float32.

// c * tanh(logit / c) (Gemma 2)
extern "C" __global__ void capLogits(float* logits, i64 count, float cap) {
    later();
    earlier();
    for (i64 i = (i64)blockIdx.x * blockDim.x + threadIdx.x; i < count; i += (i64)gridDim.x * blockDim.x) logits[i] = cap * tanhf(logits[i] / cap);
}

struct Logits {
    const float* values;
    int count;
    float top, inverse; // of the temperature
    __device__ __forceinline__ float weight(int i) const { return expf((values[i] - top) * inverse); }
};

// The sums over the block of seven numbers a thread.
__device__ __forceinline__ void blockSums(float* v) {
    __shared__ float parts[32][7];
    int warp = threadIdx.x >> 5;
    __syncthreads();
    #pragma unroll
    for (int j = 0; j < 7; j++) {
        float sum = warpSum(v[j]);
        if ((threadIdx.x & 31) == 0) parts[warp][j] = sum;
    }
    __syncthreads();
    #pragma unroll
    for (int j = 0; j < 7; j++) {
        v[j] = 0.f;
        for (int i = 0; i < (blockDim.x >> 5); i++) v[j] += parts[i][j];
    }
}

// The highest threshold, as a float's bits, for which the weights at or above it number at least goal, or (mass) sum up to it. It holds for
// least. Weights are in [0, 1], where a float's bits are in its order: eight parts of what is left at a time.
__device__ u32 threshold(const Logits& l, u32 least, float goal, bool mass) {
    u32 most = 0x3f800001u;
    while (most - least > 1) {
        u32 step = (most - least + 7) / 8;
        float sums[7] = {};
        for (int i = threadIdx.x; i < l.count; i += blockDim.x) {
            float w = l.weight(i);
            u32 bits = __float_as_uint(w);
            #pragma unroll
            for (int j = 0; j < 7; j++)
                if (bits >= least + step * (j + 1)) sums[j] += mass ? w : 1.f;
        }
        blockSums(sums);
        u32 from = least, end = most;
        bool holds = true;
        #pragma unroll
        for (int j = 0; j < 7; j++) {
            u32 here = from + step * (j + 1);
            if (holds && here < end) {
                if (sums[j] >= goal) least = here;
                else { most = here; holds = false; }
            }
        }
    }
    return least;
}

// One block of 1024 a row. draws: temperature (below 0: not drawn), top-p, min-p, uniform [rows] float32 each, then top-k [rows] int.
// Temperature, then top-k, top-p, min-p: each leaves the weights above a threshold. The token is where the sum of the weights left, in the
// order of their ids, passes uniform times their total.
extern "C" __global__ void __launch_bounds__(1024) draw(const float* logits, int vocabulary, const float* draws, int rows, int* drawn) {
    __shared__ float bests[32], segments[32];
    __shared__ int places[32];
    later();
    int row = blockIdx.x, lane = threadIdx.x & 31, warp = threadIdx.x >> 5;
    float temperature = draws[row], topP = draws[rows + row], minP = draws[2 * rows + row], uniform = draws[3 * rows + row];
    int topK = ((const int*)draws)[4 * rows + row];
    earlier();
    if (temperature < 0.f) return;
    Logits l = { logits + (i64)row * vocabulary, vocabulary, 0.f, 0.f };
    float best = -3.0e38f;
    int place = 0;
    for (int i = threadIdx.x; i < vocabulary; i += blockDim.x)
        if (l.values[i] > best) { best = l.values[i]; place = i; }
    #pragma unroll
    for (int i = 16; i > 0; i >>= 1) {
        float other = __shfl_xor_sync(0xffffffffu, best, i);
        int at = __shfl_xor_sync(0xffffffffu, place, i);
        if (other > best || (other == best && at < place)) { best = other; place = at; }
    }
    if (lane == 0) { bests[warp] = best; places[warp] = place; }
    __syncthreads();
    for (int i = 0; i < 32; i++)
        if (bests[i] > best || (bests[i] == best && places[i] < place)) { best = bests[i]; place = places[i]; }
    if (temperature < 1e-5f) {
        if (threadIdx.x == 0) drawn[row] = place;
        return;
    }
    l.top = best;
    l.inverse = 1.f / temperature;
    u32 least = 0;
    if (topK > 0 && topK < vocabulary) least = threshold(l, 0, topK, false);
    if (topP < 1.f) {
        float sums[7] = {};
        for (int i = threadIdx.x; i < vocabulary; i += blockDim.x) {
            float w = l.weight(i);
            if (__float_as_uint(w) >= least) sums[0] += w;
        }
        blockSums(sums);
        least = threshold(l, least, topP * sums[0], true);
    }
    least = max(least, __float_as_uint(fmaxf(minP, 0.f)));
    int segment = (vocabulary + 1023) / 1024 * 32, from = warp * segment, to = min(vocabulary, from + segment);
    float sum = 0.f;
    for (int i = from + lane; i < to; i += 32) {
        float w = l.weight(i);
        if (__float_as_uint(w) >= least) sum += w;
    }
    sum = warpSum(sum);
    if (lane == 0) segments[warp] = sum;
    __syncthreads();
    float total = 0.f;
    for (int i = 0; i < 32; i++) total += segments[i];
    float goal = uniform * total, passed = 0.f;
    int chosen = -1;
    for (int i = 0; i < 32; i++) {
        if (segments[i] > 0.f) { // the last that holds any, where rounding leaves a hair over
            passed += chosen < 0 ? 0.f : segments[chosen];
            chosen = i;
            if (passed + segments[i] > goal) break;
        }
    }
    if (chosen < 0) { // not finite
        if (threadIdx.x == 0) drawn[row] = place;
        return;
    }
    if (warp != chosen) return;
    int token = place;
    for (int base = from; base < to; base += 32) {
        int i = base + lane;
        float w = i < to ? l.weight(i) : 0.f;
        if (__float_as_uint(w) < least) w = 0.f;
        float reached = w;
        #pragma unroll
        for (int d = 1; d < 32; d <<= 1) {
            float before = __shfl_up_sync(0xffffffffu, reached, d);
            if (lane >= d) reached += before;
        }
        u32 here = __ballot_sync(0xffffffffu, w > 0.f), over = __ballot_sync(0xffffffffu, w > 0.f && passed + reached > goal);
        if (over) { token = base + __ffs(over) - 1; break; }
        if (here) token = base + 31 - __clz(here);
        passed += __shfl_sync(0xffffffffu, reached, 31);
    }
    if (lane == 0) drawn[row] = token;
}
