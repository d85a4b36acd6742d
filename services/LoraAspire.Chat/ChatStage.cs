using LoraAspire.Chat.Models;
using LoraAspire.Model;
using LoraAspire.Model.Generation;
using LoraAspire.Pipelines.Stages;
using LoraAspire.Runtime.Stages;

namespace LoraAspire.Chat;

/// <summary>
/// Puts a model, or an adapter beside its base, behind this service under a name. It is loaded once, so that one that can't answer fails
/// here and not in a chat.
/// </summary>
public sealed class ChatStage(ModelCatalog catalog, ModelPool pool) : IStage<ChatParams>
{
    public async Task RunAsync(StageContext<ChatParams> context, CancellationToken cancellationToken)
    {
        var name = context.With.ModelName ?? context.PipelineName;
        var weights = Enum.Parse<WeightFormat>(context.With.Weights.ToString());
        var source = context.Inputs.TryGetValue("model", out var model) ? new ModelSource(model, Weights: weights)
            : new(context.Inputs["base"], context.Inputs["adapter"], weights);
        try
        {
            using (var lease = await pool.RentAsync(source, cancellationToken))
            {
                if (lease.Model.Warning is { } warning)
                {
                    context.Report.Report(new StageProgress(Message: warning));
                }
                catalog.Deploy(name, source);
            }
        }
        catch (Exception error) when (error is ModelException or ArgumentException)
        {
            throw new StageException(error.Message, inner: error);
        }
        context.Report.Report(new StageProgress(Message: $"serving as '{name}'"));
    }

    public IEnumerable<Finding> Check(StageCheck<ChatParams> given) =>
        given.Inputs.Where(input => input.Key != "adapter")
            .SelectMany(input => ModelCheck.Problems(input.Value).Select(problem => new Finding(input.Key, problem)));
}
