using LoraAspire.Evaluator;
using LoraAspire.Model.Native;
using LoraAspire.Pipelines.Stages;
using LoraAspire.Runtime.Hosting;

LibTorch.Load();
var builder = WebApplication.CreateBuilder(args);
builder.AddServiceDefaults();
builder.AddStage<EvaluatorParams, EvaluateStage>(StageKinds.Evaluator);
var app = builder.Build();
app.MapDefaultEndpoints();
return await app.RunStageAsync(args);
