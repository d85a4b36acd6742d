using LoraAspire.Model.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace LoraAspire.Model.Network.Fused;

/// <summary>Neighbouring tokens of a micro-batch, of one row or of a prefix that several share.</summary>
internal readonly record struct Stretch(int Start, int Length)
{
    /// <summary>Which stretch they see before themselves.</summary>
    public int? Prefix { get; init; }

    public IEnumerable<long> Tokens => Enumerable.Range(Start, Length).Select(token => (long)token);
}

/// <summary>How attention reads a micro-batch's T tokens.</summary>
/// <param name="Rows">How many there are that attention doesn't cross.</param>
/// <param name="MaxQueries">Of the row that has most.</param>
/// <param name="MaxKeys">The same of keys.</param>
/// <param name="QueryStarts">[rows + 1] int32: where each row's queries begin, and their end; null where rows are even.</param>
/// <param name="OwnKeyStarts">The same of its keys, where they lie otherwise.</param>
/// <param name="Spread">Where keys (where rows are even, queries too) lie otherwise than the tokens do; null where they don't.</param>
public sealed record AttentionRows(int Rows, int MaxQueries, int MaxKeys, Tensor? QueryStarts, Tensor? OwnKeyStarts, Spread? Spread)
    : TensorGroup
{
    public Tensor? KeyStarts => OwnKeyStarts ?? QueryStarts;

    /// <summary>Every row has as many tokens as the longest, and shares none of them.</summary>
    public bool Alike { get; private init; }

    protected override IEnumerable<IDisposable?> Parts => [QueryStarts, OwnKeyStarts, Spread];

    /// <summary>A row for each stretch; a stretch's keys are its prefix's and its own.</summary>
    internal static AttentionRows EndToEnd(IReadOnlyList<Stretch> stretches, torch.Device device)
    {
        int[] Starts(Func<Stretch, int> count) => [.. stretches.Aggregate(new List<int> { 0 }, (starts, stretch) =>
        {
            starts.Add(starts[^1] + count(stretch));
            return starts;
        })];
        int Keys(Stretch stretch) => stretch.Length + (stretch.Prefix is { } at ? stretches[at].Length : 0);
        var queryStarts = Move(tensor(Starts(stretch => stretch.Length)), device);
        int most = stretches.Max(stretch => stretch.Length), mostKeys = stretches.Max(Keys);
        if (stretches.All(stretch => stretch.Prefix is null))
        {
            return new(stretches.Count, most, most, queryStarts, null, null)
            {
                Alike = stretches.All(stretch => stretch.Length == most),
            };
        }
        var places = new Places();
        foreach (var stretch in stretches)
        {
            if (stretch.Prefix is { } prefix)
            {
                places.AddCopy(stretches[prefix]);
            }
            places.AddOwn(stretch);
        }
        return new(stretches.Count, most, mostKeys, queryStarts, Move(tensor(Starts(Keys)), device), places.ToSpread(device));
    }

    /// <summary>A row for each stretch that is no prefix, padded on the right to the longest.</summary>
    internal static AttentionRows Even(IReadOnlyList<Stretch> stretches, torch.Device device)
    {
        var prefixes = stretches.Where(stretch => stretch.Prefix is not null).Select(stretch => stretch.Prefix!.Value).ToHashSet();
        List<Stretch> rows = [.. stretches.Where((_, at) => !prefixes.Contains(at))];
        int Length(Stretch row) => row.Length + (row.Prefix is { } at ? stretches[at].Length : 0);
        var longest = rows.Max(Length);
        var alike = prefixes.Count == 0 && rows.All(row => row.Length == longest);
        if (alike)
        {
            return new(rows.Count, longest, longest, null, null, null) { Alike = true };
        }
        var places = new Places();
        var seen = new HashSet<int>();
        foreach (var row in rows)
        {
            if (row.Prefix is { } prefix)
            {
                Action<Stretch> add = seen.Add(prefix) ? places.AddOwn : places.AddCopy;
                add(stretches[prefix]);
            }
            places.AddOwn(row);
            places.AddPadding(longest - Length(row));
        }
        return new(rows.Count, longest, longest, null, null, places.ToSpread(device));
    }

    /// <summary>To the device; of what is on the host nothing is left.</summary>
    internal static Tensor Move(Tensor host, torch.Device device)
    {
        using (host)
        {
            // A copy from other than pinned memory waits for all that the GPU was given before.
            using var pinned = device.type == DeviceType.CUDA ? host.pin_memory() : host.alias();
            return pinned.to(device, copy: true, non_blocking: true).DetachFromDisposeScope();
        }
    }

    /// <summary>Which token lies at each place, as they are laid down, tokens in their order.</summary>
    private sealed class Places
    {
        private readonly List<long> _from = [], _own = [];
        private readonly Dictionary<Stretch, List<long>> _copies = [];

        public void AddOwn(Stretch stretch)
        {
            _own.AddRange(Next(stretch.Length));
            _from.AddRange(stretch.Tokens);
        }

        public void AddCopy(Stretch prefix)
        {
            if (!_copies.TryGetValue(prefix, out var places))
            {
                _copies[prefix] = places = [];
            }
            places.AddRange(Next(prefix.Length));
            _from.AddRange(prefix.Tokens);
        }

        /// <summary>No query that counts sees it, whatever lies there.</summary>
        public void AddPadding(int count) => _from.AddRange(Enumerable.Repeat(0L, count));

        public Spread ToSpread(torch.Device device) => new(Move(tensor(_from.ToArray()), device), Move(tensor(_own.ToArray()), device),
            [.. _copies.Select(copy => new Copies(copy.Key.Start, copy.Key.Length, Move(tensor(copy.Value.ToArray()), device)))]);

        private IEnumerable<long> Next(int count)
        {
            var first = _from.Count;
            return Enumerable.Range(0, count).Select(i => (long)first + i);
        }
    }
}

/// <summary>Tokens laid out as attention wants them: those of a shared prefix before each row's own, padding behind.</summary>
/// <param name="From">[places] int64: the token that lies there.</param>
/// <param name="Own">[T] int64: a place of each token, for those of a prefix one of several.</param>
/// <param name="Copies">Their further places.</param>
public sealed record Spread(Tensor From, Tensor Own, IReadOnlyList<Copies> Copies) : TensorGroup
{
    protected override IEnumerable<IDisposable?> Parts => [From, Own, .. Copies];

    /// <summary>[T, width] as [places, width].</summary>
    public Tensor Out(Tensor x) => x.index_select(0, From);

    /// <summary>[places, width] as [T, width]: of each token what lies at one of its places.</summary>
    public Tensor In(Tensor x) => x.index_select(0, Own);

    /// <summary>The same, 0 at places that are no token's own.</summary>
    public Tensor OutOnce(Tensor x) => zeros([From.size(0), x.size(1)], x.dtype, x.device).index_copy_(0, Own, x);

    /// <summary>[places, width] as [T, width]: of each token the sum over its places, in float32.</summary>
    public Tensor Sum(Tensor x)
    {
        using var scope = NewDisposeScope();
        var result = In(x);
        foreach (var copies in Copies)
        {
            var others = x.index_select(0, copies.Places).view(-1, copies.Length, x.size(1)).sum(0, type: ScalarType.Float32);
            var part = result.narrow(0, copies.Start, copies.Length);
            part.copy_(others.add_(part, Scalars.One));
        }
        return result.MoveToOuterDisposeScope();
    }
}

/// <summary>Where a prefix lies besides its own place.</summary>
/// <param name="Start">Its first token.</param>
/// <param name="Places">[copies · length] int64</param>
public sealed record Copies(long Start, long Length, Tensor Places) : TensorGroup
{
    protected override IEnumerable<IDisposable?> Parts => [Places];
}
