using System.Diagnostics.Metrics;

namespace LoraAspire.Model.Generation.Batching;

/// <summary>The figures of all engines of this process together, as a meter that OpenTelemetry and Prometheus read.</summary>
public static class EngineMeter
{
    public const string Name = "LoraAspire.Engine";

    private static readonly Lock s_lock = new();
    private static readonly List<BatchEngine> s_engines = [];
    private static readonly Meter s_meter = new(Name);
    private static EngineStatistics s_gone; // what unloaded engines counted: a counter must not fall

    static EngineMeter()
    {
        s_meter.CreateObservableUpDownCounter("lora.engine.running", () => Now(one => one.Running), "{answer}", "Answers in work.");
        s_meter.CreateObservableUpDownCounter("lora.engine.waiting", () => Now(one => one.Waiting), "{answer}",
            "Answers that wait for a place or for blocks.");
        s_meter.CreateObservableUpDownCounter("lora.engine.blocks.used", () => Now(one => one.BlocksUsed), "{block}",
            "Blocks of the key/value caches that answers in work hold.");
        s_meter.CreateObservableUpDownCounter("lora.engine.blocks", () => Now(one => one.Blocks), "{block}",
            "Blocks of the key/value caches.");
        s_meter.CreateObservableCounter("lora.engine.tokens.prompt", () => Ever(one => one.PromptTokens), "{token}",
            "Tokens of the prompts that came.");
        s_meter.CreateObservableCounter("lora.engine.tokens.reused", () => Ever(one => one.ReusedTokens), "{token}",
            "Of those, the ones that were in a cache already.");
        s_meter.CreateObservableCounter("lora.engine.tokens.answer", () => Ever(one => one.AnswerTokens), "{token}", "Tokens drawn.");
        s_meter.CreateObservableCounter("lora.engine.steps", () => Ever(one => one.Steps), "{step}", "Forward passes.");
        s_meter.CreateObservableCounter("lora.engine.preemptions", () => Ever(one => one.Preemptions), "{answer}",
            "Answers that gave their blocks away and were computed again.");
    }

    /// <summary>Of all engines there are now; the counts are those of unloaded ones too.</summary>
    public static EngineStatistics Total => new((int)Now(one => one.Running), (int)Now(one => one.Waiting), (int)Now(one => one.BlocksUsed),
        (int)Now(one => one.Blocks), Ever(one => one.PromptTokens), Ever(one => one.ReusedTokens), Ever(one => one.AnswerTokens),
        Ever(one => one.Steps), Ever(one => one.Preemptions));

    internal static void Add(BatchEngine engine)
    {
        lock (s_lock)
        {
            s_engines.Add(engine);
        }
    }

    internal static void Remove(BatchEngine engine)
    {
        lock (s_lock)
        {
            if (s_engines.Remove(engine))
            {
                var last = engine.Statistics;
                s_gone = s_gone with
                {
                    PromptTokens = s_gone.PromptTokens + last.PromptTokens,
                    ReusedTokens = s_gone.ReusedTokens + last.ReusedTokens,
                    AnswerTokens = s_gone.AnswerTokens + last.AnswerTokens,
                    Steps = s_gone.Steps + last.Steps,
                    Preemptions = s_gone.Preemptions + last.Preemptions,
                };
            }
        }
    }

    private static long Now(Func<EngineStatistics, long> figure)
    {
        lock (s_lock)
        {
            return s_engines.Sum(engine => figure(engine.Statistics));
        }
    }

    private static long Ever(Func<EngineStatistics, long> figure)
    {
        lock (s_lock)
        {
            return figure(s_gone) + s_engines.Sum(engine => figure(engine.Statistics));
        }
    }
}
