using System.Text.Json;
using LoraAspire.Runtime.Store;

namespace LoraAspire.Trainer.Training;

/// <summary>
/// What state.json holds: the state at a step, and SHA-256 of every file that going on from there counts on. The whole carries a checksum
/// of its own.
/// </summary>
/// <param name="Tensors">Of state.safetensors.</param>
/// <param name="Metrics">Of the bytes of metrics.jsonl up to this step.</param>
/// <param name="Best">Of the best step's file; null as long as there is none.</param>
internal sealed record CheckpointRecord(TrainingState State, string Tensors, string Metrics, string? Best)
{
    public byte[] ToBytes() => JsonSerializer.SerializeToUtf8Bytes(new Sealed(this, DigestOf(this)));

    /// <exception cref="InvalidDataException">It isn't what was written.</exception>
    /// <exception cref="IOException">It can't be read.</exception>
    public static CheckpointRecord Read(string path)
    {
        try
        {
            return JsonSerializer.Deserialize<Sealed>(File.ReadAllBytes(path)) is { Record: { State: not null } record, Sha256: { } digest }
                && digest == DigestOf(record)
                ? record
                : throw new InvalidDataException($"{Path.GetFileName(path)} isn't what was written");
        }
        catch (JsonException error)
        {
            throw new InvalidDataException($"{Path.GetFileName(path)} can't be read ({error.Message})", error);
        }
    }

    /// <summary>Null for one that can't be read or isn't what was written.</summary>
    public static CheckpointRecord? TryRead(string path)
    {
        try
        {
            return Read(path);
        }
        catch (Exception error) when (error is IOException or InvalidDataException)
        {
            return null;
        }
    }

    private static string DigestOf(CheckpointRecord record) => FileDigest.OfBytes(JsonSerializer.SerializeToUtf8Bytes(record));

    private sealed record Sealed(CheckpointRecord Record, string Sha256);
}
