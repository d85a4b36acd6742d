using LoraAspire.Pipelines.Stages;
using LoraAspire.Pipelines.Terminal;
using Microsoft.Extensions.Configuration;

namespace LoraAspire.Runtime.Hosting;

/// <summary>The GPUs of a worker's machine that it may compute on.</summary>
/// <param name="Given">GiB that the largest has in the words of who started the worker; null leaves it to the driver.</param>
public sealed record WorkerGpus(IReadOnlyList<GpuCard> Cards, int? Given = null)
{
    public const string MemoryVariable = "LORA_GPU_MEMORY";

    /// <summary>Whole GiB of the largest; 0 without one.</summary>
    public int Memory => Given ?? Cards.Select(card => card.Memory is { } bytes ? GpuSize.Of(bytes) : 0).DefaultIfEmpty().Max();

    /// <summary>Of <c>LORA_GPU_MEMORY</c>; null where it isn't set.</summary>
    /// <exception cref="FormatException">It is no such size; the message says what is.</exception>
    public static int? GivenBy(IConfiguration configuration) => configuration[MemoryVariable] is not { Length: > 0 } text ? null
        : text == "0" ? 0
        : GpuSize.Read(text) ?? throw new FormatException($"{MemoryVariable} is {GpuSize.Form}, or 0 for none. It is "
            + $"'{TerminalText.Clean(text)}'.");

    /// <summary>
    /// Which of them a training takes: so many of those. Null of one that takes none here, also since there aren't so many: then the stage
    /// says so in its own words.
    /// </summary>
    /// <param name="devices">Null of work that takes no GPU.</param>
    /// <param name="needs">What a card must have; one whose memory nobody knows may do, since <see cref="Given"/> spoke for it.</param>
    public (IReadOnlyList<GpuCard> Of, int Count)? Wanted(DeviceChoice? devices, StageNeeds? needs = null)
    {
        if (devices is null || Cards.Count == 0)
        {
            return null;
        }
        if (devices.Gpus is { } places)
        {
            return places.All(place => place < Cards.Count) ? ([.. places.Select(place => Cards[place])], places.Count) : null;
        }
        IReadOnlyList<GpuCard> large = [.. Cards.Where(card => needs is null || card.Memory is not { } bytes
            || GpuSize.Of(bytes) >= needs.GpuMemory)];
        // Fewer than are asked for: any card's lease is better than none.
        var of = large.Count >= (devices.Count ?? 1) ? large : Cards;
        var count = devices.Count ?? of.Count;
        return count <= of.Count ? (of, count) : null;
    }

    /// <summary>
    /// CUDA_VISIBLE_DEVICES of the process that trains on these; null where it sees the one that there is anyhow. Where the training names
    /// places, it sees all and counts them itself.
    /// </summary>
    public string? Visible(DeviceChoice devices, IReadOnlyList<string> held) => Cards.Count == 1 ? null
        : string.Join(',', devices.Gpus is null ? held : Cards.Select(card => card.Id));
}
