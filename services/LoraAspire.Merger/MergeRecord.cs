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
    /// <inheritdoc cref="BaseDigests.HeldAs"/>
    public string? HeldAs { get; init; }

    public static MergedAdapter Of(string folder, double weight) =>
        new(FileDigest.Of(Adapter.TensorsFile(folder)), weight) { HeldAs = BaseDigests.HeldAs(folder) };

    /// <summary>Whether all is of its form: the file may come from anywhere.</summary>
    internal bool IsSound => Identifiers.IsDigest(Sha256) && (HeldAs is null || BaseDigests.IsType(HeldAs));
}
