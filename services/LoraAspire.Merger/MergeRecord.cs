using System.Text.Json;
using LoraAspire.Model;
using LoraAspire.Model.Adapters;
using LoraAspire.Pipelines;
using LoraAspire.Pipelines.Messages;
using LoraAspire.Runtime.Store;

namespace LoraAspire.Merger;

/// <summary>merge.json in a merged model: what went into it, and how near it is to base and adapter side by side.</summary>
/// <param name="Adapters">Of this merge and of those before it, the oldest first.</param>
public sealed record MergeRecord(IReadOnlyList<MergedAdapter> Adapters, MergeProof? Proof)
{
    public const string FileName = "merge.json";

    /// <exception cref="ModelException">It can't be read, or isn't ours.</exception>
    public static MergeRecord? Of(string folder)
    {
        var path = Path.Combine(folder, FileName);
        try
        {
            return !File.Exists(path) ? null
                : JsonSerializer.Deserialize<MergeRecord>(File.ReadAllBytes(path), MessageFormat.Json) is { Adapters: { } adapters } read
                    && adapters.All(one => one is { Sha256: not null, IsSound: true }) ? read
                : throw new JsonException("it lists no adapters by their digests.");
        }
        catch (JsonException error)
        {
            throw new ModelException($"{path} is no record of a merge: {error.Message} Take it out if the folder was merged by another "
                + "program.", error);
        }
    }

    public void Save(string folder) =>
        File.WriteAllBytes(Path.Combine(folder, FileName), JsonSerializer.SerializeToUtf8Bytes(this, MessageFormat.Json));
}

/// <param name="Sha256">Of the file of its tensors.</param>
public sealed record MergedAdapter(string Sha256, double Weight)
{
    private const int LongestType = 16;

    /// <summary>What the base's weights were rounded to in its training, as nf4; null where they weren't, or nothing says so.</summary>
    public string? HeldAs { get; init; }

    /// <summary>SHA-256 of the base's weights in its training; null where nothing says so.</summary>
    public string? BaseWeights { get; init; }

    /// <exception cref="ModelException">What stands where its file says what it was trained on is no name of a type.</exception>
    public static MergedAdapter Of(string folder, Adapter adapter, double weight)
    {
        var file = Adapter.TensorsFile(folder);
        return new(FileDigest.Of(file), weight)
        {
            HeldAs = adapter.TrainedOn is not { } type || IsType(type) ? adapter.TrainedOn
                : throw new ModelException($"{file}: {Adapter.BaseTypeKey} of its metadata is no type of weights, as nf4 is."),
            BaseWeights = adapter.BaseDigests?.Weights,
        };
    }

    /// <summary>Whether all is of its form: the file may come from anywhere.</summary>
    internal bool IsSound => Identifiers.IsDigest(Sha256) && (HeldAs is null || IsType(HeldAs))
        && (BaseWeights is null || Identifiers.IsDigest(BaseWeights));

    private static bool IsType(string text) => text.Length is > 0 and <= LongestType && text.All(char.IsAsciiLetterOrDigit);
}
