using System.Threading.Channels;

namespace LoraAspire.Model.Generation.Batching;

/// <summary>What somebody asked for, and where the pieces of its answers go; whoever reads them slowly holds up nobody.</summary>
/// <param name="number">Counts requests in the order in which they came.</param>
/// <param name="longest">Tokens of prompt and answer together.</param>
internal sealed class GenerationRequest(long number, IReadOnlyList<int> prompt, GenerationOptions options, IReadOnlySet<int> endIds,
    int adapter, int longest)
{
    private readonly Channel<TextPiece> _pieces =
        Channel.CreateUnbounded<TextPiece>(new UnboundedChannelOptions { SingleReader = true, SingleWriter = true });

    private volatile bool _left;

    public long Number { get; } = number;
    public IReadOnlyList<int> Prompt { get; } = prompt;
    public GenerationOptions Options { get; } = options;
    public IReadOnlySet<int> EndIds { get; } = endIds;
    public int Adapter { get; } = adapter;
    public int Longest { get; } = longest;
    public ulong Seed { get; } = options.Seed is { } seed ? (uint)seed : (ulong)Random.Shared.NextInt64();
    public long Came { get; } = TimeProvider.System.GetTimestamp();

    /// <summary>One for each answer.</summary>
    public Sequence[] Sequences { get; set; } = [];

    /// <summary>Its prompt has been read to the end, and each answer has its first token.</summary>
    public bool Forked { get; set; }

    /// <summary>One of its answers has had a place in a step.</summary>
    public bool Started { get; set; }

    /// <summary>Nobody waits for it any more.</summary>
    public bool Left => _left;

    public bool Ended { get; private set; }

    public ChannelReader<TextPiece> Pieces => _pieces.Reader;

    public void Leave() => _left = true;

    public void Tell(TextPiece piece) => _pieces.Writer.TryWrite(piece);

    /// <param name="error">Null where all was said.</param>
    public void End(Exception? error = null)
    {
        Ended = true;
        _pieces.Writer.TryComplete(error);
    }
}
