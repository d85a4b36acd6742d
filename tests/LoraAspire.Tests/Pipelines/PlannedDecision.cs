using LoraAspire.Pipelines.Messages;
using LoraAspire.Pipelines.Runs;
using LoraAspire.Pipelines.Yaml;

namespace LoraAspire.Tests.Pipelines;

/// <summary>A decision as the coordinator comes to it: plans that it lacks are made, and the message is decided again.</summary>
internal static class PlannedDecision
{
    /// <param name="plan">Null of a plan that isn't made yet.</param>
    public static Decision Of(RunState state, InboxMessage message, Func<PlanRequest, StagePlan?> plan)
    {
        var pipeline = state.Version > 0 ? PipelineParser.Parse(state.Yaml, state.File)
            : message is SubmitRun submit ? PipelineParser.Parse(submit.Yaml, submit.File)
            : null;
        Dictionary<PlanKey, StagePlan> known = [];
        while (true)
        {
            var decision = Scheduler.Decide(state, message, pipeline, known);
            var made = decision.Missing.Select(request => (request.Key, Plan: plan(request))).Where(one => one.Plan is not null).ToList();
            if (made.Count == 0)
            {
                return decision;
            }
            made.ForEach(one => known.Add(one.Key, one.Plan!));
        }
    }
}
