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

    /// <summary>
    /// [tiles, 4] int32: of each 128 tokens of a row where the row begins, its tokens, which 128 these are, and which row.
    /// Null where rows share tokens or are even, and off a GPU.
    /// </summary>
    public Tensor? Tiles { get; private init; }

    private const int TileTokens = 128;

    protected override IEnumerable<IDisposable?> Parts => [QueryStarts, OwnKeyStarts, Spread, Tiles];

    /// <summary>A row for each stretch; a stretch's keys are its prefix's and its own.</summary>
    internal static AttentionRows EndToEnd(IReadOnlyList<Stretch> stretches, torch.Device device)
    {
        int[] Starts(Func<Stretch, int> count) => [.. stretches.Aggregate(new List<int> { 0 }, (starts, stretch) =>
        {
            starts.Add(starts[^1] + count(stretch));
            return starts;
        })];
        int Keys(Stretch stretch) => stretch.Length + (stretch.Prefix is { } at ? stretches[at].Length : 0);
        var queryStarts = tensor(Starts(stretch => stretch.Length)).Sent(device);
        int most = stretches.Max(stretch => stretch.Length), mostKeys = stretches.Max(Keys);
        if (stretches.All(stretch => stretch.Prefix is null))
        {
            return new(stretches.Count, most, most, queryStarts, null, null)
            {
                Alike = stretches.All(stretch => stretch.Length == most),
                Tiles = device.type == DeviceType.CUDA ? TilesOf(stretches).Sent(device) : null,
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
        return new(stretches.Count, most, mostKeys, queryStarts, tensor(Starts(Keys)).Sent(device), places.ToSpread(device));
    }

    private static Tensor TilesOf(IReadOnlyList<Stretch> rows)
    {
        int[] numbers = [.. rows.Index().SelectMany(row => Enumerable.Range(0, (row.Item.Length + TileTokens - 1) / TileTokens)
            .SelectMany(tile => new[] { row.Item.Start, row.Item.Length, tile, row.Index }))];
        return tensor(numbers).view(-1, 4);
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

    /// <summary>Which token lies at each place, as they are laid down, tokens in their order.</summary>
    private sealed class Places
    {
        private readonly List<long> _from = [], _own = [];
        private readonly SortedDictionary<int, List<int>> _copies = [];

        public void AddOwn(Stretch stretch)
        {
            _own.AddRange(Enumerable.Range(_from.Count, stretch.Length).Select(place => (long)place));
            _from.AddRange(stretch.Tokens);
        }

        public void AddCopy(Stretch prefix)
        {
            foreach (var token in prefix.Tokens)
            {
                if (!_copies.TryGetValue((int)token, out var places))
                {
                    _copies[(int)token] = places = [];
                }
                places.Add(_from.Count);
                _from.Add(token);
            }
        }

        /// <summary>No query that counts sees it, whatever lies there.</summary>
        public void AddPadding(int count) => _from.AddRange(Enumerable.Repeat(0L, count));

        public Spread ToSpread(torch.Device device)
        {
            var starts = new int[_own.Count + 1];
            foreach (var (token, places) in _copies)
            {
                starts[token + 1] = places.Count;
            }
            for (var token = 0; token < _own.Count; token++)
            {
                starts[token + 1] += starts[token];
            }
            return new(tensor(_from.ToArray()).Sent(device), tensor(_own.ToArray()).Sent(device), tensor(starts).Sent(device),
                tensor(_copies.SelectMany(copy => copy.Value).ToArray()).Sent(device),
                tensor(_copies.SelectMany(copy => copy.Value.Select(_ => (long)copy.Key)).ToArray()).Sent(device));
        }
    }
}
