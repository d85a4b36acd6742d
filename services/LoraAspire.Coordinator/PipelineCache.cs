using LoraAspire.Pipelines.Messages;
using LoraAspire.Pipelines.Runs;
using LoraAspire.Pipelines.Yaml;
using Microsoft.Extensions.Caching.Memory;

namespace LoraAspire.Coordinator;

/// <summary>The pipelines of the runs that this coordinator hears of, each parsed once and not at every message.</summary>
/// <param name="references">What a submitted pipeline may name here; null takes it at its word.</param>
public sealed class PipelineCache(ReferenceCheck? references)
{
    private const int MostLetters = 1 << 25;
    private static readonly TimeSpan Unused = TimeSpan.FromHours(1);

    private readonly MemoryCache _parsed = new(new MemoryCacheOptions { SizeLimit = MostLetters });

    /// <summary>Of a run that goes on, what its log holds; of one that is being submitted, what the message holds; else null.</summary>
    public ParsedPipeline? Of(RunState state, InboxMessage message) =>
        state.IsOver ? null
        : state.Version > 0 ? Parsed(state.Id, state.Yaml, state.File, null)
        : message is SubmitRun submit ? Parsed(state.Id, submit.Yaml, submit.File, references)
        : null;

    public void Forget(string run) => _parsed.Remove(run);

    private ParsedPipeline Parsed(string run, string yaml, string file, ReferenceCheck? check)
    {
        // Another submission under the same id may have been faster, with another text.
        if (_parsed.TryGetValue(run, out ParsedPipeline? known) && known!.Yaml == yaml && known.File == file)
        {
            return known;
        }
        var parsed = PipelineParser.Parse(yaml, file, check);
        if (parsed.Pipeline is not null)
        {
            _parsed.Set(run, parsed, new MemoryCacheEntryOptions { Size = yaml.Length, SlidingExpiration = Unused });
        }
        return parsed;
    }
}
